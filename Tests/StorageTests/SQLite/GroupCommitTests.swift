import Testing

@testable import Storage

@Suite struct `Group commit` {
    /// Holds the writer inside a transaction while `body` runs, so that whatever is written meanwhile must wait.
    private func holdingWriter(of store: SQLiteStore, _ body: () async throws -> Void) async throws {
        let isHeld = Latch()
        let isReleased = Gate()
        async let holder: Void = store.writer.write { _ throws(StoreError) in
            isHeld.open()
            isReleased.wait()
        }
        await isHeld.wait()
        do {
            try await body()
        } catch {
            isReleased.signal()
            throw error
        }
        isReleased.signal()
        try await holder
    }

    private func waitForWaiting(_ count: Int, in store: SQLiteStore) async {
        while store.writer.waiting < count { await Task.yield() }
    }

    @Test func `what waits while a transaction runs shares the next one`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await holdingWriter(of: store) {
                    for index in 0..<40 {
                        group.addTask { try await store.createRoom(.sample("r\(index)"), limit: 50) }
                    }
                    await waitForWaiting(40, in: store)
                }
                try await group.waitForAll()
            }
            #expect(store.writer.statistics == SQLiteWriter.Statistics(commits: 2, writes: 41))
            await store.close()
        }
    }

    @Test func `one caller's failure undoes its changes, and leaves the others' in place`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await holdingWriter(of: store) {
                    for index in 0..<20 {
                        group.addTask { try await store.createRoom(.sample("r\(index)"), limit: 50) }
                    }
                    // Fails after it has changed something.
                    group.addTask {
                        await expect(.failed) {
                            try await store.writer.write { connection throws(StoreError) in
                                try connection.createRoom(.sample("half"), limit: 50)
                                throw StoreError(.failed, "on purpose")
                            }
                        }
                    }
                    // Fails by a constraint, and in the check before any change.
                    group.addTask {
                        await expect(.failed) {
                            try await store.createSession(
                                .sample("s"),
                                newRoom: .sample("r1", user: "bob"),
                                roomLimit: 50
                            )
                        }
                    }
                    group.addTask {
                        await expect(.roomLimitReached) { try await store.createRoom(.sample("none"), limit: 0) }
                    }
                    await waitForWaiting(23, in: store)
                }
                try await group.waitForAll()
            }
            let page = try await store.rooms(userID: "ann", order: RoomOrder(), page: PageRequest(limit: 50))
            #expect(Set(page.elements.map(\.room.id)) == Set((0..<20).map { "r\($0)" }))
            #expect(store.writer.statistics == SQLiteWriter.Statistics(commits: 2, writes: 21))
            await store.close()
        }
    }

    @Test func `a transaction takes no more than the limit`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            let count = SQLiteWriter.batchLimit + 1
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await holdingWriter(of: store) {
                    for index in 0..<count {
                        group.addTask { try await store.createRoom(.sample("r\(index)"), limit: .max) }
                    }
                    await waitForWaiting(count, in: store)
                }
                try await group.waitForAll()
            }
            #expect(store.writer.statistics == SQLiteWriter.Statistics(commits: 3, writes: count + 1))
            await store.close()
        }
    }

    @Test func `a caller is resumed only when its changes can be seen by others`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        try await store.createRoom(.sample("r\(index)"), limit: .max)
                        #expect(try await store.room(id: "r\(index)") != nil)
                    }
                }
                try await group.waitForAll()
            }
            await store.close()
        }
    }
}

/// Blocks a thread that is not one of Swift's.
private final class Gate: Sendable {
    private let queue = JobQueue<Void>()

    func signal() { _ = queue.add(()) }
    func wait() { _ = queue.takeAll() }
}
