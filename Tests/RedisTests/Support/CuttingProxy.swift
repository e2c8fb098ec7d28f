import Foundation
import Redis
import RedisTestSupport
import Synchronization

/// Stands between a client and a server; it can be slow, and it can swallow everything while its connections stay open.
final class CuttingProxy: Sendable {
    private let server: ScriptedServer
    private let manners: Manners

    /// How it treats what comes.
    private final class Manners: Sendable {
        let swallows = Atomic(false)
        let delay = Atomic(0)

        func pump(from source: TestSocket, to sink: TestSocket) {
            while let bytes = try? source.read(), !bytes.isEmpty {
                usleep(UInt32(delay.load(ordering: .relaxed)))
                if !swallows.load(ordering: .relaxed) { guard (try? sink.write(bytes)) != nil else { break } }
            }
            source.end()
            sink.end()
        }
    }

    init(to port: Int) throws {
        let manners = Manners()
        self.manners = manners
        server = try ScriptedServer { client in
            let upstream = try TestSocket(port: port)
            Thread.detachNewThread { manners.pump(from: upstream, to: client) }
            manners.pump(from: client, to: upstream)
        }
    }

    var address: RedisAddress { server.address }

    func swallow(_ swallows: Bool) { manners.swallows.store(swallows, ordering: .relaxed) }

    /// Of each piece that passes, in each direction.
    func delay(milliseconds: Int) { manners.delay.store(milliseconds * 1000, ordering: .relaxed) }

    func cut() { server.cut() }
    func close() { server.close() }
}
