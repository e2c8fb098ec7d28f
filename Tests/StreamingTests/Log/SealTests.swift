import Glibc
import Primitives
import TestSupport
import Testing

@testable import HTTPServer
@testable import Streaming

/// A stop while other loops are in the middle of their writes.
@Suite(.serialized)
struct SealTests {
    @Test(arguments: 0..<30)
    func `after a stop has returned no loop begins another streaming event`(seed: UInt64) async throws {
        let race = try await StopRace.run(seed: seed, mark: "streaming") { Subscription($0, sendsDone: false) }
        #expect(race.answer?.hasPrefix("piece 0piece 1") == true)
        #expect(race.logged == race.answer)
        for reader in race.readers { #expect(reader.late.load(ordering: .relaxed) == 0) }
    }

    @Test(arguments: [1, 3])
    func `a client that lags when the stream is stopped gets the rest of its event and the end`(
        loops: Int
    ) async throws {
        let stream = sampleStream()
        let respond: @Sendable (HTTPRequest) -> HTTPResponse = { request in
            HTTPResponse(body: .stream(Subscription(stream.log, sendsDone: true)))
        }
        try await TestServer.run(loops: loops, respond: respond) { server in
            var writer = SampleWriter(stream)
            writer.start()
            let lagging = try (0..<6).map { index in
                try server.get("/", version: index < 4 ? "1.1" : "1.0", receiveBuffer: 65_536)
            }
            for client in lagging { try client.read(untilBodyHas: "started") }
            let text = String(repeating: "Nothing of this is read for now. ", count: 3000)
            for _ in 0..<60 { writer.append(text) }
            await server.settle()
            let answer = await stream.cancel(.stopped)
            #expect(answer == String(repeating: text, count: 60))
            #expect(writer.append("too late") == false)
            stream.log.end(writer.terminal("cancelled"))
            for (index, client) in lagging.enumerated() {
                let received = try index < 4 ? client.stream() : client.unframedStream(through: "data: [DONE]\n\n")
                #expect(received.data.last == "[DONE]")
                let events = received.events.dropLast()
                #expect(events.last?.id == "stream_1:61")
                #expect(events.last?.data.contains("cancelled") == true)
                #expect(events.dropLast().map(\.id) == (0..<events.count - 1).map { "stream_1:\($0)" })
                #expect(events.count < 55)
            }
        }
    }
}
