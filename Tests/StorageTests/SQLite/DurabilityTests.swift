import Foundation
import Glibc
import Primitives
import Testing

@testable import Storage

@Suite struct `What the store has acknowledged` {
    @Test func `survives the death of the process`() async throws {
        try await withTemporaryFolder { folder in
            let writer = try WriterProcess(folder: folder, callers: 32)
            var acknowledged = try writer.lines(atLeast: 500)
            writer.kill()
            // What was printed before the end was acknowledged, too.
            acknowledged += try writer.lines(atLeast: .max)

            // The lock went with the process.
            let store = try await SQLiteStore.open(directory: folder)
            for id in acknowledged {
                #expect(try await store.room(id: id) != nil, "\(id) is lost")
            }
            #expect(acknowledged.count >= 500)
            await store.close()
        }
    }

    @Test(arguments: [false, true])
    func `is never in a file that was removed or replaced`(isReplaced: Bool) async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            try await store.createRoom(.sample("r1"), limit: .max)
            try FileManager.default.moveItem(atPath: store.path, toPath: store.path + ".old")
            if isReplaced { try FileManager.default.copyItem(atPath: store.path + ".old", toPath: store.path) }
            await #expect(throws: StoreError.self) { try await store.createRoom(.sample("r2"), limit: .max) }
            let error = await #expect(throws: StoreError.self) { try await store.ping() }
            #expect(error?.message.contains("goes on by itself once that very file is back in its place") == true)
            try? FileManager.default.removeItem(atPath: store.path)
            try FileManager.default.moveItem(atPath: store.path + ".old", toPath: store.path)
            try await store.createRoom(.sample("r3"), limit: .max)
            try await store.ping()
            #expect(try await store.room(id: "r2") == nil)
            await store.close()
        }
    }

    @Test func `survives a full disk, after which writing goes on`() async throws {
        try await withTemporaryFolder { folder in
            // The write-ahead log reaches this size after some dozens of transactions.
            let writer = try WriterProcess(folder: folder, callers: 8, fileLimit: 1_000_000)
            var lines = try writer.lines(atLeast: .max)
            #expect(writer.exitCode == 0)
            #expect(lines.suffix(2) == ["full", "last"])
            lines.removeAll { $0 == "full" }
            #expect(lines.count > 20)
            let store = try await SQLiteStore.open(directory: folder)
            for id in lines {
                #expect(try await store.room(id: id) != nil, "\(id) is lost")
            }
            // What was refused is not there either, or not acknowledged twice.
            let total = try await store.rooms(userID: "user", order: RoomOrder(), page: PageRequest(limit: 1)).total
            #expect(total == lines.count)
            await store.close()
        }
    }

    @Test func `survives a database that may not grow`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            try await store.createRoom(.sample("r0"), limit: .max)
            try await store.writer.write { connection throws(StoreError) in
                try connection.execute("PRAGMA max_page_count = 60")
            }
            var written = 1
            let large = JSONObject([JSONObject.Member(key: "text", value: .string(String(repeating: "x", count: 3000)))]
            )
            do throws(StoreError) {
                while written < 1000 {
                    try await store.createRoom(.sample("r\(written)", metadata: large), limit: .max)
                    written += 1
                }
                Issue.record("the store never became full")
            } catch {
                #expect(error.code == .unavailable)
                #expect(error.message.contains("the disk is full"))
            }
            // Reading goes on, and writing when there is space again.
            for index in 0..<written { #expect(try await store.room(id: "r\(index)") != nil) }
            #expect(try await store.room(id: "r\(written)") == nil)
            try await store.writer.write { connection throws(StoreError) in
                try connection.execute("PRAGMA max_page_count = 1000000")
            }
            try await store.createRoom(.sample("r\(written)", metadata: large), limit: .max)
            await store.close()
        }
    }
}

/// The helper program, running.
private final class WriterProcess {
    private let process = Process()
    private let output = Pipe()
    private var pending = Data()

    init(folder: String, callers: Int, fileLimit: Int? = nil) throws {
        let tests = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
        let products = tests ?? URL(fileURLWithPath: CommandLine.arguments[0])
        process.executableURL = products.deletingLastPathComponent().appendingPathComponent("StoreWriterProcess")
        process.arguments = [folder, String(callers)] + (fileLimit.map { [String($0)] } ?? [])
        process.standardOutput = output
        try process.run()
    }

    var exitCode: Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }

    func kill() {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// The next whole lines: at least `count`, or all until the end of the output.
    func lines(atLeast count: Int) throws -> [String] {
        var lines: [String] = []
        while lines.count < count {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { break }
            pending += data
            while let end = pending.firstIndex(of: 10) {
                lines.append(String(decoding: pending[..<end], as: UTF8.self))
                pending = Data(pending[(end + 1)...])
            }
        }
        return lines
    }
}
