import Primitives
import Storage
import Testing

@Suite struct `Lists of rooms` {
    /// Rooms with ties in each key.
    private static let rooms = [
        ("e", "beta", 5), ("a", "alpha", 1), ("c", "beta", 3), ("b", "alpha", 3), ("d", "Zeta", 3),
    ]

    private static let orders: [(RoomOrder, [String])] = [
        (RoomOrder(key: .lastActivity, descending: true), ["e", "b", "c", "d", "a"]),
        (RoomOrder(key: .lastActivity, descending: false), ["a", "b", "c", "d", "e"]),
        (RoomOrder(key: .createdAt, descending: true), ["e", "b", "c", "d", "a"]),
        (RoomOrder(key: .createdAt, descending: false), ["a", "b", "c", "d", "e"]),
        (RoomOrder(key: .name, descending: true), ["c", "e", "a", "b", "d"]),
        (RoomOrder(key: .name, descending: false), ["d", "a", "b", "c", "e"]),
    ]

    @Test(arguments: StoreFactory.all)
    func `rooms are ordered by each key in both directions, equal ones by id`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            for (id, name, seconds) in Self.rooms {
                try await store.createRoom(.sample(id, name: name, at: seconds), limit: 50)
            }
            for (order, ids) in Self.orders {
                let page = try await store.rooms(userID: "ann", order: order, page: PageRequest(limit: 10))
                #expect(page.elements.map(\.room.id) == ids, "\(order)")
            }
        }
    }

    @Test(arguments: StoreFactory.all)
    func `pages of one and two cover the list without overlap`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            for (id, name, seconds) in Self.rooms {
                try await store.createRoom(.sample(id, name: name, at: seconds), limit: 50)
            }
            for (order, ids) in Self.orders {
                for limit in 1...2 {
                    var collected: [String] = []
                    for offset in stride(from: 0, to: 6, by: limit) {
                        let request = PageRequest(limit: limit, offset: offset)
                        let page = try await store.rooms(userID: "ann", order: order, page: request)
                        #expect(page.total == 5)
                        #expect(page.elements.count <= limit)
                        collected += page.elements.map(\.room.id)
                    }
                    #expect(collected == ids, "\(order), pages of \(limit)")
                }
            }
            let beyond = try await store.rooms(
                userID: "ann",
                order: RoomOrder(),
                page: PageRequest(limit: 5, offset: 100)
            )
            #expect(beyond == Page(elements: [], total: 5))
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a list has the user's rooms alone`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.createRoom(.sample("r1"), limit: 50)
            try await store.createRoom(.sample("r2", user: "bob"), limit: 50)
            let page = try await store.rooms(userID: "bob", order: RoomOrder(), page: PageRequest(limit: 10))
            #expect(page == Page(elements: [RoomSummary(room: .sample("r2", user: "bob"), lastMessage: nil)], total: 1))
            let none = try await store.rooms(userID: "eve", order: RoomOrder(), page: PageRequest(limit: 10))
            #expect(none == Page(elements: [], total: 0))
        }
    }

    @Test(arguments: StoreFactory.all)
    func `each room of a list comes with its newest conversation`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.makeRoomAndSession("s2", room: "r2")
            try await store.makeRoomAndSession("s3", room: "r3")
            try await store.converse(.sample("old", at: 10))
            try await store.begin(.sample("new", at: 20, metadata: ["k": "v"]))
            // Two at the same time: the one that was stored later is the newer.
            try await store.converse(.sample("first", session: "s2", room: "r2", at: 5))
            try await store.converse(.sample("second", session: "s2", room: "r2", at: 5))

            for key in RoomOrder.Key.allCases {
                let order = RoomOrder(key: key)
                let page = try await store.rooms(userID: "ann", order: order, page: PageRequest(limit: 10))
                let last = Dictionary(uniqueKeysWithValues: page.elements.map { ($0.room.id, $0) })
                #expect(last["r1"]?.lastMessage == .sample("new", at: 20, metadata: ["k": "v"]))
                #expect(last["r1"]?.room.messageCount == 2)
                #expect(last["r2"]?.lastMessage?.id == "second")
                #expect(last["r2"]?.lastMessage?.agentResponse == "answer")
                #expect(last["r3"]?.lastMessage == nil)
                #expect(last["r3"]?.room.messageCount == 0)
            }
        }
    }
}
