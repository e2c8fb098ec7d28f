import Storage
import Testing

@Suite struct `The life of a store` {
    @Test(arguments: StoreFactory.all)
    func `an open store answers`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.ping()
            #expect(store.backend == stores.testDescription)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a closed store is unavailable, and can be closed again`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            await store.close()
            await store.close()
            await expect(.unavailable) { try await store.ping() }
            await expect(.unavailable) { try await store.room(id: "r1") }
            await expect(.unavailable) { try await store.createRoom(.sample("r2"), limit: 50) }
            await expect(.unavailable) { try await store.begin(.sample("c1")) }
        }
    }

    @Test(arguments: StoreFactory.all)
    func `what was asked for before the close is answered`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            let (created, refused) = await withTaskGroup(of: StoreError.Code?.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        do throws(StoreError) {
                            try await store.createRoom(.sample("r\(index)"), limit: 50)
                            return nil
                        } catch {
                            return error.code
                        }
                    }
                }
                group.addTask {
                    await store.close()
                    return .inUse
                }
                let results = await group.reduce(into: []) { $0.append($1) }
                return (results.count { $0 == nil }, results.count { $0 == .unavailable })
            }
            // Each call has one of the two answers, and none waits for ever.
            #expect(created + refused == 40)
        }
    }
}
