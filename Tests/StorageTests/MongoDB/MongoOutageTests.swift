import CMongoC
import Glibc
import Primitives
import Testing

@testable import Storage

@Suite struct `MongoDB out of reach` {
    @Test func `every call fails within two seconds when there is no server, also when many wait`() async throws {
        // A port that was just free: nobody listens.
        let socket = ListeningSocket()
        let port = socket.port
        socket.close()
        try await expectUnavailable(port: port)
    }

    @Test func `every call fails within two seconds when the server answers nothing`() async throws {
        let socket = ListeningSocket()
        defer { socket.close() }
        try await expectUnavailable(port: socket.port)
    }

    private func expectUnavailable(port: UInt16) async throws {
        let store = try MongoStore(MongoOptions(uri: "mongodb://127.0.0.1:\(port)", database: "none", poolSize: 3))
        let clock = ContinuousClock()
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<60 {
                group.addTask {
                    let started = clock.now
                    await expect(.unavailable) {
                        switch index % 4 {
                        case 0: try await store.ping()
                        case 1: _ = try await store.room(id: "r")
                        case 2: try await store.createRoom(.sample("r"), limit: 5)
                        default: try await store.begin(.sample("c"))
                        }
                    }
                    #expect(clock.now - started < .seconds(2))
                }
            }
        }
        await store.close()
    }

    @Test func `a text that is no connection string is refused, and not shown`() {
        do throws(StoreError) {
            _ = try MongoStore(MongoOptions(uri: "mongodb:/secret", database: "none"))
            Issue.record("no error was thrown")
        } catch {
            #expect(error.code == .failed)
            #expect(!error.message.contains("secret"))
        }
    }

    @Test(arguments: [
        "mongodb://user:S3cr3t:b@host/", "mongodb://user:S3cr3t%@host/", "mongodb://user:S3cr3t@host:x/",
        "http://S3cr3t", "mongodb://user:S3cr3t@h/?w=0", "mongodb://u:S3cr3t@h/?readConcernLevel=1&=&",
    ])
    func `a connection string that cannot be used is told without its password`(uri: String) {
        do throws(StoreError) {
            let store = try MongoStore(MongoOptions(uri: uri, database: "none"))
            // What the library takes for a string with warnings is one.
            #expect(uri.contains("readConcernLevel"))
            _ = store
        } catch {
            #expect(error.code == .failed)
            #expect(error.message.contains("MONGODB_URI") && !error.message.contains("S3cr3t"))
        }
    }

    @Test func `a limited wait for a connection refuses, and ends no program`() async throws {
        let socket = ListeningSocket()
        defer { socket.close() }
        let uri = "mongodb://127.0.0.1:\(socket.port)/?maxPoolSize=1&waitQueueTimeoutMS=50"
        let store = try MongoStore(MongoOptions(uri: uri, database: "none", poolSize: 4))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<40 { group.addTask { await expect(.unavailable) { _ = try await store.room(id: "r") } } }
        }
        await store.close()
    }

    @Test func `what the connection string says of the write concern is kept`() throws {
        let uri = try MongoOptions(uri: "mongodb://h/?journal=true&wtimeoutMS=5000", database: "d").makeURI()
        defer { mongoc_uri_destroy(uri) }
        let concern = mongoc_uri_get_write_concern(uri)
        #expect(mongoc_write_concern_get_journal(concern))
        #expect(mongoc_write_concern_get_wmajority(concern))
        #expect(mongoc_write_concern_get_wtimeout_int64(concern) == 5000)
    }

    @Test func `the connection string wins over the defaults`() throws {
        let given = "mongodb://h/?serverSelectionTimeoutMS=5&retryWrites=false&w=1&appName=mine"
        let uri = try MongoOptions(uri: given, database: "d", poolSize: 7).makeURI()
        defer { mongoc_uri_destroy(uri) }
        #expect(mongoc_uri_get_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, 0) == 5)
        #expect(mongoc_uri_get_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, 0) == 900)
        #expect(mongoc_uri_get_option_as_int32(uri, MONGOC_URI_MAXPOOLSIZE, 0) == 7)
        #expect(mongoc_uri_get_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true) == false)
        #expect(mongoc_uri_get_option_as_bool(uri, MONGOC_URI_RETRYREADS, false))
        #expect(mongoc_write_concern_get_w(mongoc_uri_get_write_concern(uri)) == 1)
        #expect(mongoc_uri_get_appname(uri).map { String(cString: $0) } == "mine")
        let plain = try MongoOptions(uri: "mongodb://h", database: "d").makeURI()
        defer { mongoc_uri_destroy(plain) }
        #expect(mongoc_write_concern_get_wmajority(mongoc_uri_get_write_concern(plain)))
        #expect(mongoc_uri_get_option_as_bool(plain, MONGOC_URI_RETRYWRITES, false))
    }
}

/// A socket of the loopback that takes connections and never says anything.
private struct ListeningSocket {
    private let descriptor: Int32
    let port: UInt16

    init() {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = bind(descriptor, address, size)
                _ = listen(descriptor, 64)
                _ = getsockname(descriptor, address, &size)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
    }

    func close() {
        _ = Glibc.close(descriptor)
    }
}
