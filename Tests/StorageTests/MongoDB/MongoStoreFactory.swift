import Foundation
import Primitives
import Synchronization
import Testing

@testable import Storage

/// The real server that tests run against: `MONGODB_TEST_URI`.
enum MongoTestServer {
    static let uri = ProcessInfo.processInfo.environment["MONGODB_TEST_URI"]

    static let isConfigured: Bool = {
        if uri == nil { print("MONGODB_TEST_URI is not set: the tests of the MongoDB store are skipped") }
        return uri != nil
    }()

    /// Whether it is an independent implementation, which cannot explain all that MongoDB can.
    static func isMongoDB(_ store: MongoStore) async throws -> Bool {
        try await store.pool.run { connection throws(MongoError) in
            try connection.command("buildInfo", ["buildInfo": 1]) { reply in
                (reply.optionalString("gitVersion") ?? "").count == 40
            }
        }
    }
}

extension StoreFactory {
    static let mongo =
        MongoTestServer.isConfigured
        ? [StoreFactory(testDescription: "mongodb") { body in try await withMongoStore { try await body($0) } }] : []
}

/// Runs `body` with a store over a database of its own, which is removed afterwards.
func withMongoStore<Result>(
    _ change: (inout MongoOptions) -> Void = { _ in },
    _ body: (MongoStore) async throws -> Result
) async throws -> Result {
    let uri = try #require(MongoTestServer.uri)
    var options = MongoOptions(uri: uri, database: "test_\(UUID().uuidString.prefix(8))", poolSize: 4)
    // Unlike in production: the tests all run at once on few cores, and a slow answer is none that failed.
    options.socketMilliseconds = 30_000
    options.serverSelectionMilliseconds = 10_000
    change(&options)
    let store = try MongoStore(options)
    func drop() async {
        await store.close()
        guard let cleaner = try? MongoStore(options) else { return }
        try? await cleaner.pool.run { connection throws(MongoError) in
            try connection.command("dropDatabase", ["dropDatabase": 1]) { _ in }
        }
        await cleaner.close()
    }
    do {
        try await store.createIndexes(expiring: false)
        let result = try await body(store)
        await drop()
        return result
    } catch {
        await drop()
        throw error
    }
}

/// Runs `body` with several stores over one database, as several instances of the service have.
func withMongoStores(_ count: Int, _ body: ([MongoStore]) async throws -> Void) async throws {
    var options: MongoOptions?
    try await withMongoStore {
        options = $0
    } _: { first in
        var stores = [first]
        let options = try #require(options)
        for _ in 1..<count { stores.append(try MongoStore(options)) }
        do {
            try await body(stores)
        } catch {
            for store in stores.dropFirst() { await store.close() }
            throw error
        }
        for store in stores.dropFirst() { await store.close() }
    }
}
