import Foundation
import Glibc
import HTTPServer
import Primitives
import Redis

/// A `redis-server` of its own, in a folder of its own, that dies with the tests.
package final class RedisServer: @unchecked Sendable {
    package let port: Int
    package let folder: URL
    private let arguments: [String]
    /// Touched by the test's task alone.
    private var process: Process?

    package struct Failure: Error {
        package var output: String
    }

    /// A child dies with the thread that has made it (`PR_SET_PDEATHSIG`), so one that stays makes them all.
    private static let spawner: EventLoop? = try? EventLoopGroup(count: 1, time: SystemTimeSource()).loops[0]

    /// Starts it, and returns when it answers.
    ///
    /// - Parameter arguments: after those that every server has.
    package init(_ arguments: [String] = [], port: Int? = nil) async throws {
        folder = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("redis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.port = try port ?? TestSocket.freePort()
        self.arguments = arguments
        try await start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    package var address: RedisAddress { RedisAddress(host: "127.0.0.1", port: port) }

    /// Starts it again, empty, on the same port.
    package func start() async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
        process.arguments =
            [
                "--pdeathsig", "KILL", "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--enable-debug-command", "yes", "--dir", folder.path, "--logfile", "log",
            ] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Self.spawner?.execute { continuation.resume(with: Result { try process.run() }) }
        }
        self.process = process
        for _ in 0..<1000 {
            if let socket = try? TestSocket(port: port), (try? socket.write("PING\r\n")) != nil,
                let answer = try? socket.read(), !answer.isEmpty, !answer.starts(with: "-LOADING".utf8)
            {
                return
            }
            guard process.isRunning else { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw Failure(output: (try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)) ?? "")
    }

    /// Ends it the hard way.
    package func kill() {
        guard let process else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
    }

    /// Has it stand still, its connections open.
    package func pause() { signal(SIGSTOP) }
    package func resume() { signal(SIGCONT) }

    private func signal(_ number: Int32) {
        if let process { Glibc.kill(process.processIdentifier, number) }
    }
}
