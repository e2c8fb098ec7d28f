import Primitives
import Synchronization
import Testing

@testable import HTTPServer
@testable import Streaming

struct StreamReaderTests {
    private final class Ends: Sendable {
        private let state = Mutex<[StreamReader.End]>([])

        var all: [StreamReader.End] { state.withLock { $0 } }

        func add(_ end: StreamReader.End) { state.withLock { $0.append(end) } }
    }

    @Test func `the last event before a place is the one that ends there or before`() throws {
        let stream = sampleStream()
        var writer = SampleWriter(stream)
        #expect(stream.log.lastEvent(before: 0) == nil)
        writer.start()
        // Over several segments.
        for number in 0..<2000 { writer.append("piece \(number)") }
        stream.log.end(writer.terminal())
        let count = stream.log.eventCount
        let starts = (0...count).compactMap { sequence -> Int? in
            guard case .cursor(let start) = stream.log.place(before: sequence) else { return nil }
            return start
        }
        try #require(starts.count == count + 1)
        for sequence in 0..<count {
            let before = sequence == 0 ? nil : sequence - 1
            #expect(stream.log.lastEvent(before: starts[sequence]) == before)
            #expect(stream.log.lastEvent(before: starts[sequence] + 1) == before)
            #expect(stream.log.lastEvent(before: starts[sequence + 1] - 1) == before)
        }
        #expect(stream.log.lastEvent(before: starts[count]) == count - 1)
    }

    @Test func `the end of each reader is told once, with how far it came`() async throws {
        let stream = sampleStream()
        let ends = Ends()
        let observer = StreamReader.Observer { ends.add($0) }
        let respond: @Sendable (HTTPRequest) -> HTTPResponse = { request in
            var subscription = Subscription(stream.log, sendsDone: true)
            subscription.reader = StreamReader(
                requestID: request.head.path,
                traceID: nil,
                startedAt: request.loop.now,
                observer: observer
            )
            return HTTPResponse(body: .stream(subscription))
        }
        try await TestServer.run(loops: 1, respond: respond) { server in
            var writer = SampleWriter(stream)
            writer.start()
            writer.append("Hello")
            var leaving: TestClient? = try server.get("/leaving")
            try leaving?.read(untilBodyHas: "Hello")
            let staying = try server.get("/staying")
            try staying.read(untilBodyHas: "Hello")
            leaving = nil
            while ends.all.isEmpty { await Task.yield() }
            writer.append(" again")
            stream.log.end(writer.terminal())
            try staying.read(untilBodyHas: "[DONE]")
            while ends.all.count < 2 { await Task.yield() }
        }
        #expect(ends.all.map(\.reader.requestID) == ["/leaving", "/staying"])
        #expect(ends.all.map(\.result) == [.closed, .finished])
        #expect(ends.all.map(\.lastEvent) == [1, 3])
        #expect(ends.all.allSatisfy { $0.streamID == stream.id && $0.time >= $0.reader.startedAt })
    }
}
