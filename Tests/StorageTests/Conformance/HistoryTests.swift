import Primitives
import Storage
import Testing

@Suite struct `Histories` {
    /// Conversations of two users, rooms and agents; c3 and c4 at the same time.
    private static func fill(_ store: any Store) async throws {
        try await store.makeRoomAndSession()
        try await store.makeRoomAndSession("s2", room: "r2")
        try await store.makeRoomAndSession("s3", room: "r3", user: "bob")
        try await store.converse(.sample("c1", agent: "nurse", at: 10))
        try await store.converse(.sample("c2", session: "s2", room: "r2", at: 20))
        try await store.converse(.sample("c3", at: 30))
        try await store.converse(.sample("c4", agent: "nurse", at: 30))
        try await store.converse(.sample("b1", user: "bob", session: "s3", room: "r3", at: 15))
        try await store.begin(.sample("c5", at: 40))
    }

    private static let filters: [(ConversationFilter, [String])] = [
        (.user("ann", agentType: nil), ["c1", "c2", "c3", "c4", "c5"]),
        (.user("ann", agentType: "nurse"), ["c1", "c4"]),
        (.user("bob", agentType: nil), ["b1"]),
        (.user("eve", agentType: nil), []),
        (.session("s1", agentType: nil), ["c1", "c3", "c4", "c5"]),
        (.session("s1", agentType: "assistant"), ["c3", "c5"]),
        (.room("r1"), ["c1", "c3", "c4", "c5"]),
        (.room("r2"), ["c2"]),
        (.room("r9"), []),
    ]

    @Test(arguments: StoreFactory.all)
    func `each filter finds its conversations, oldest first, and tells how many`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await Self.fill(store)
            for (filter, ids) in Self.filters {
                let page = try await store.conversations(filter, page: PageRequest(limit: 50))
                #expect(page.elements.map(\.id) == ids, "\(filter)")
                #expect(page.total == ids.count, "\(filter)")
            }
        }
    }

    @Test(arguments: StoreFactory.all)
    func `pages count from the newest and do not overlap`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await Self.fill(store)
            for (filter, ids) in Self.filters {
                for limit in 1...3 {
                    var collected: [String] = []
                    for offset in stride(from: 0, to: 6, by: limit) {
                        let request = PageRequest(limit: limit, offset: offset)
                        let page = try await store.conversations(filter, page: request)
                        #expect(page.total == ids.count)
                        collected = page.elements.map(\.id) + collected
                    }
                    #expect(collected == ids, "\(filter), pages of \(limit)")
                }
            }
        }
    }
}
