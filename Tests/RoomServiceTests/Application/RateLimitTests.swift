import Primitives
import Testing

@testable import RoomService

struct RateLimitTests {
    private func limits(messages: Int? = nil, writes: Int? = nil, reads: Int? = nil) -> RateLimits {
        let rate = { (count: Int?) in count.map { RateLimits.Rate(count: $0, period: .seconds(60)) } }
        return RateLimits(messages: rate(messages), writes: rate(writes), reads: rate(reads))
    }

    @Test func `questions are limited by user, and there are more as time goes`() async throws {
        let limits = limits(messages: 2)
        try await withService({ $0.rateLimits = limits }) { service in
            let (session, _) = try service.makeSession()
            for _ in 0..<2 { _ = try service.ask(session).eventsToTheEnd() }
            let refused = try service.request(
                "POST",
                "/api/chat/message",
                service.question(session),
                headers: [("X-Request-ID", "test.1")]
            )
            #expect(refused.status == 429 && refused["Retry-After"] == "30")
            let message = "Too many requests. Please try again in 30 s."
            #expect(
                refused.text == #"{"success":false,"error":"\#(message)","error_code":"RATE_LIMIT_EXCEEDED","#
                    + #""path":"/api/chat/message","timestamp":"2026-01-01T00:00:00.000Z","request_id":"test.1","#
                    + #""detail":"\#(message)"}"#
            )
            // Another session does not help; another user is another matter.
            let (second, _) = try service.makeSession()
            #expect(try service.post("/api/chat/message", service.question(second)).status == 429)
            let (other, _) = try service.makeSession(user: "bob")
            _ = try service.ask(other).eventsToTheEnd()

            await service.advance(by: .seconds(29))
            let sooner = try service.post("/api/chat/message", service.question(session))
            #expect(sooner.status == 429 && sooner["Retry-After"] == "1")
            await service.advance(by: .seconds(1))
            _ = try service.ask(session).eventsToTheEnd()
            #expect(try service.post("/api/chat/message", service.question(session)).status == 429)
            // An hour fills the bucket, and not more than that.
            await service.advance(by: .seconds(20 * 60))
            for _ in 0..<2 { _ = try service.ask(session).eventsToTheEnd() }
            #expect(try service.post("/api/chat/message", service.question(session)).status == 429)
        }
    }

    @Test func `a client that comes back to its answer is not refused for its rate`() async throws {
        let limits = limits(messages: 1)
        try await withService({ $0.rateLimits = limits }) { service in
            let (session, room) = try service.makeSession()
            let unpaced = "context=%7B%22demo%22:%7B%22rate%22:0%7D%7D"
            let query = "session_id=\(session)&query=Why&message_id=m1&\(unpaced)"
            let events = try service.watch(query).eventsToTheEnd()
            for _ in 0..<3 { #expect(try service.watch(query).eventsToTheEnd() == events) }
            #expect(try service.get("/api/chat/message?session_id=\(session)&query=Why&message_id=m2").status == 429)
            // A question that was refused has taken no place.
            #expect(try service.get("/api/session/\(session)").data["active_stream"] == .null)
            #expect(try service.history(room).count == 1)
        }
    }

    @Test func `writes are limited by user, reads by address`() async throws {
        let limits = limits(writes: 3, reads: 4)
        try await withService({ $0.rateLimits = limits }) { service in
            let (session, room) = try service.makeSession()
            #expect(try service.post("/api/rooms", #"{"user_id":"ada"}"#).status == 201)
            let rename = try service.request("PATCH", "/api/rooms/\(room)?user_id=ada", #"{"room_name":"a"}"#)
            #expect(rename.status == 200)
            for (method, target, body) in [
                ("POST", "/api/rooms", #"{"user_id":"ada"}"#), ("POST", "/api/session/create", #"{"user_id":"ada"}"#),
                ("PATCH", "/api/rooms/\(room)?user_id=ada", "{}"), ("DELETE", "/api/rooms/\(room)?user_id=ada", nil),
                ("POST", "/api/session/\(session)/reset", nil), ("DELETE", "/api/session/\(session)", nil),
                ("POST", "/api/chat/message", service.question(session)),
                ("POST", "/api/chat/session/create?user_id=ada", nil),
                ("DELETE", "/api/session/\(session)/history?room_id=\(room)", nil),
            ] {
                let response = try service.request(method, target, body)
                #expect(response.status == 429 && response["Retry-After"] == "20", "\(method) \(target)")
            }
            #expect(try service.post("/api/rooms", #"{"user_id":"bob"}"#).status == 201)
            // A stop is never too much.
            #expect(try service.post("/api/session/\(session)/stop").status == 200)

            // A HEAD costs as much as a GET, whoever asks.
            for method in ["GET", "HEAD", "GET", "HEAD"] {
                #expect(try service.request(method, "/api/rooms?user_id=\(method)").status == 200)
            }
            for method in ["GET", "HEAD"] {
                let response = try service.request(method, "/api/rooms/\(room)")
                #expect(response.status == 429 && response["Retry-After"] == "15")
            }
            #expect(try service.get("/healthz").status == 200)
            await service.advance(by: .seconds(15))
            #expect(try service.get("/api/rooms/\(room)").status == 200)
        }
    }

    @Test func `off means off`() async throws {
        try await withService({ $0.rateLimits = .off }) { service in
            let (session, _) = try service.makeSession()
            let connection = try service.connect()
            for _ in 0..<3100 {
                try connection.sendRequest("GET", "/api/session/\(session)")
                #expect(try connection.response().status == 200)
            }
        }
    }

    @Test func `a bucket never holds more than its period's worth, whatever the rate`() async throws {
        for (count, period) in [(1, 1), (7, 60), (59, 60), (1000, 1), (3, 3600)] {
            let time = ManualTimeSource()
            let rate = RateLimits.Rate(count: count, period: .seconds(period))
            let limiter = RateLimiter(RateLimits(messages: rate, writes: nil, reads: nil), time: time)
            func taken() async -> Int {
                var taken = 0
                while (try? await limiter.check(.messages, key: "ada")) != nil { taken += 1 }
                return taken
            }
            #expect(await taken() == count)
            time.advance(by: .seconds(period))
            #expect(await taken() == count)
            time.advance(by: .seconds(period * 100))
            #expect(await taken() == count)
        }
    }
}
