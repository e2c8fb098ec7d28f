import Primitives
import Testing

@testable import RoomService

/// A native `EventSource` gives up for ever on any status but 200.
struct PassingFailureTests {
    private let eventStream = [("Accept", "text/event-stream")]

    private func get(_ service: TestService, _ query: String) throws -> TestResponse {
        try service.request("GET", "/api/chat/message?\(query)", headers: eventStream)
    }

    private func expectFailure(_ response: TestResponse, code: String, after seconds: Int) throws {
        #expect(response.status == 200 && response["Content-Type"] == "text/event-stream")
        let blocks = response.text.components(separatedByBlankLines: ())
        #expect(blocks.count == 2)
        let retry = try #require(blocks.first?.retry)
        #expect((seconds * 1000 + 1000...seconds * 1000 + 15_000).contains(retry))
        let event = try #require(blocks.last)
        #expect(event.status == "error" && event.json["error_code"] == .string(code) && event.id == nil)
        #expect(event.json["retry_after_ms"] == .integer(Int64(retry)))
    }

    @Test func `a rate that is exceeded, and a place that is taken, are told in an event`() async throws {
        let limits = try #require(RateLimits("messages=1/m"))
        try await withService({
            $0.rateLimits = limits; $0.maxStreamsPerUser = 1
        }) { service in
            let (session, _) = try service.makeSession()
            let (other, _) = try service.makeSession()
            let running = try service.ask(session, demo: #"{"rate":1,"tokens":100}"#)
            try expectFailure(try get(service, "session_id=\(other)&query=hi"), code: "STREAM_LIMIT_EXCEEDED", after: 1)
            #expect(try service.post("/api/session/\(session)/stop").status == 200)
            _ = try running.eventsToTheEnd()
            let limited = try get(service, "session_id=\(other)&query=hi")
            try expectFailure(limited, code: "RATE_LIMIT_EXCEEDED", after: 50)
        }
    }

    @Test func `a service that has no places tells when to come again, later than usual`() async throws {
        try await withService({
            $0.maxStreams = 1; $0.maxStreamsPerUser = 5
        }) { service in
            let (session, _) = try service.makeSession()
            let (other, _) = try service.makeSession(user: "bob")
            let running = try service.ask(session, demo: #"{"rate":1,"tokens":100}"#)
            let response = try get(service, "session_id=\(other)&query=hi")
            try expectFailure(response, code: "OVERLOADED", after: 2)
            #expect(response.text.components(separatedByBlankLines: ())[0].retry ?? 0 >= 6000)
            let watching = try service.watch("session_id=\(session)")
            #expect(try watching.event()?.retry ?? 0 >= 4000)
            _ = running
        }
    }

    @Test func `lasting reasons keep their status, and so do clients that are no EventSource`() async throws {
        try await withService({ $0.maxStreams = 1 }) { service in
            let (session, _) = try service.makeSession()
            let (other, _) = try service.makeSession(user: "bob")
            #expect(try get(service, "session_id=session_x").status == 404)
            #expect(try get(service, "").status == 422)
            #expect(try get(service, "session_id=\(session)&user_id=bob").status == 403)
            let running = try service.ask(session, demo: #"{"rate":1,"tokens":100}"#)
            #expect(try get(service, "session_id=\(session)&query=another").status == 409)
            #expect(try service.get("/api/chat/message?session_id=\(other)&query=hi").status == 503)
            #expect(try service.post("/api/chat/message", service.question(other)).status == 503)
            _ = running
        }
    }

    @Test func `each connection is told another time to come back`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            var times: Set<Int> = []
            for _ in 0..<20 {
                let time = try #require(try service.watch("session_id=\(session)").event()?.retry)
                #expect((1000...4000).contains(time))
                times.insert(time)
            }
            #expect(times.count > 10)
        }
    }
}

extension String {
    fileprivate func components(separatedByBlankLines: Void) -> [TestEvent] {
        var blocks: [TestEvent] = []
        var lines: [Substring] = []
        for line in split(separator: "\n", omittingEmptySubsequences: false) {
            if !line.isEmpty {
                lines.append(line)
            } else if !lines.isEmpty {
                blocks.append(TestEvent(lines.joined(separator: "\n")))
                lines = []
            }
        }
        return blocks
    }
}
