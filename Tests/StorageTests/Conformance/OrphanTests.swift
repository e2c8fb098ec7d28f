import Primitives
import Storage
import Testing

@Suite struct `Orphans of a crash` {
    /// c1 and c2 run on the instance `dead`, with heartbeats at 10 and 20, c3 on `live`; c4 has ended.
    private static func fill(_ store: any Store) async throws {
        try await store.makeRoomAndSession()
        try await store.begin(.sample("c1", at: 1), instance: "dead")
        try await store.begin(.sample("c2", at: 2), instance: "dead")
        try await store.begin(.sample("c3", at: 3), instance: "live")
        try await store.begin(.sample("c4", at: 4), instance: "dead")
        try await store.end("c4", text: "whole", at: 5)
        try await store.checkpoint(["c1": "half of c1", "c2": "half of c2", "c3": "half of c3"])
        for (id, seconds) in [("c1", 10), ("c2", 20), ("c3", 10)] {
            try await store.recordHeartbeats(of: ["stream-\(id)"], instanceID: "dead", at: time(seconds))
        }
    }

    private static func states(_ store: any Store) async throws -> [String: Conversation.Status] {
        let page = try await store.conversations(.room("r1"), page: PageRequest(limit: 50))
        return Dictionary(uniqueKeysWithValues: page.elements.map { ($0.id, $0.status) })
    }

    @Test(arguments: StoreFactory.all)
    func `all running answers of other instances become interrupted with their last text`(
        _ stores: StoreFactory
    ) async throws {
        try await stores.withStore { store in
            try await Self.fill(store)
            #expect(try await store.interruptOrphans(notOf: "live", staleBefore: nil, at: time(60)) == 2)
            #expect(
                try await Self.states(store)
                    == ["c1": .interrupted, "c2": .interrupted, "c3": .streaming, "c4": .completed]
            )
            #expect(try await store.conversation(streamID: "stream-c1")?.agentResponse == "half of c1")
            #expect(try await store.activeStreams().map(\.id) == ["stream-c3"])
            #expect(try await store.room(id: "r1")?.lastActivity == time(60))
            #expect(try await store.interruptOrphans(notOf: "live", staleBefore: nil, at: time(61)) == 0)
            #expect(try await store.end("c1") == false)
            #expect(try await store.end("c3"))
        }
    }

    @Test(arguments: StoreFactory.all)
    func `with a limit only those with an older heartbeat are orphans`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await Self.fill(store)
            #expect(try await store.interruptOrphans(notOf: "live", staleBefore: time(10), at: time(60)) == 0)
            #expect(try await store.interruptOrphans(notOf: "live", staleBefore: time(20), at: time(60)) == 1)
            #expect(
                try await Self.states(store)
                    == ["c1": .interrupted, "c2": .streaming, "c3": .streaming, "c4": .completed]
            )
            #expect(try await store.activeStreams().map(\.id) == ["stream-c2", "stream-c3"])
        }
    }
}
