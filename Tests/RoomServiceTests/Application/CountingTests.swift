import Primitives
import Storage
import Testing

@testable import RoomService

/// What happens is counted once, and as what it was.
struct CountingTests {
    /// The samples of one metric, by what stands in braces.
    private func samples(_ name: String, _ service: TestService) throws -> [String: Double] {
        var samples: [String: Double] = [:]
        for line in try service.get("/metrics").text.split(separator: "\n") where line.hasPrefix(name) {
            let rest = line.dropFirst(name.count)
            guard rest.first == "{" || rest.first == " ", let space = line.lastIndex(of: " ") else { continue }
            // A route has braces of its own.
            let labels = line[rest.startIndex..<space].dropFirst().dropLast()
            samples[String(labels)] = Double(line[line.index(after: space)...])
        }
        return samples
    }

    private func requests(_ service: TestService) throws -> [String: Double] {
        try samples("roomservice_http_requests_total", service)
            .filter { !$0.key.contains(#"route="/metrics""#) }
    }

    @Test func `every route and status that requests produced is counted, and nothing else`() async throws {
        try await withService { service in
            for name in ["One", "Two"] {
                _ = try service.post("/api/rooms", #"{"user_id":"ada","room_name":"\#(name)"}"#)
            }
            _ = try service.post("/api/rooms", #"{"room_name":"No user"}"#)
            let (session, room) = try service.makeSession()
            _ = try service.get("/api/rooms/\(room)")
            _ = try service.get("/api/rooms/room_x")
            _ = try service.get("/api/rooms/room_y/")
            _ = try service.request("HEAD", "/healthz")
            _ = try service.ask(session).eventsToTheEnd()
            _ = try service.request("DELETE", "/api/rooms/\(room)?user_id=bob")
            _ = try service.request("DELETE", "/api/rooms/\(room)?user_id=ada")
            #expect(
                try requests(service) == [
                    #"method="POST",route="/api/rooms",status="201""#: 2,
                    #"method="POST",route="/api/rooms",status="422""#: 1,
                    #"method="POST",route="/api/session/create",status="201""#: 1,
                    #"method="GET",route="/api/rooms/{room_id}",status="200""#: 1,
                    #"method="GET",route="/api/rooms/{room_id}",status="404""#: 2,
                    #"method="GET",route="/healthz",status="200""#: 1,
                    #"method="POST",route="/api/chat/message",status="200""#: 1,
                    #"method="DELETE",route="/api/rooms/{room_id}",status="403""#: 1,
                    #"method="DELETE",route="/api/rooms/{room_id}",status="200""#: 1,
                ]
            )
            let durations = try samples("roomservice_http_request_duration_seconds_count", service)
                .filter { !$0.key.contains(#"route="/metrics""#) }
            #expect(try durations == requests(service))
            // One with a session, and none for those that failed.
            #expect(try samples("room_creations_total", service)[""] == 3)
            let errors = try samples("errors_total", service)
            #expect(errors[#"error_type="NOT_FOUND""#] == 2)
            #expect(errors[#"error_type="VALIDATION_ERROR""#] == 1)
            #expect(errors[#"error_type="ACCESS_DENIED""#] == 1)
            #expect(errors.values.reduce(0, +) == 4)
        }
    }

    @Test func `whatever clients ask for makes no label's value that was not known`() async throws {
        try await withService { service in
            for path in ["/nothing", "/api/rooms/a/b/c", "/%00", "/api/health/x"] { _ = try service.get(path) }
            for method in ["BREW", "TRACE", "PROPFIND"] { _ = try service.request(method, "/healthz") }
            _ = try service.request("PUT", "/api/rooms")
            _ = try service.request("OPTIONS", "/api/rooms")
            #expect(
                try requests(service) == [
                    #"method="GET",route="unmatched",status="404""#: 3,
                    #"method="GET",route="unmatched",status="400""#: 1,
                    #"method="other",route="unmatched",status="405""#: 3,
                    #"method="PUT",route="unmatched",status="405""#: 1,
                    #"method="OPTIONS",route="unmatched",status="200""#: 1,
                ]
            )
            let connection = try service.connect()
            try connection.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            #expect(try connection.response().status == 400)
            #expect(try samples("roomservice_http_malformed_requests_total", service)[#"status="400""#] == 1)
        }
    }

    @Test func `a stop is counted once, with the time it took, and so is one that finds nothing`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            let asking = try service.ask(session, demo: #"{"rate":1,"tokens":100}"#)
            for _ in 0..<2 { _ = try service.post("/api/session/\(session)/stop") }
            _ = try asking.eventsToTheEnd()
            #expect(try service.post("/api/session/session_x/stop").status == 404)
            #expect(
                try samples("roomservice_stops_total", service) == [
                    #"result="delivered""#: 1, #"result="requested""#: 0, #"result="not_found""#: 1,
                ]
            )
            #expect(try samples("roomservice_stop_duration_seconds_count", service)[""] == 1)
        }
    }

    @Test func `clients that come back are counted by what they get`() async throws {
        try await withService({ $0.streamRetention = .seconds(10) }) { service in
            let (session, _) = try service.makeSession()
            let events = try service.ask(session).eventsToTheEnd()
            let ids = try events.map { try #require($0.id) }
            func comeBack(after id: String, to session: String = session) throws -> Int {
                let connection = try service.connect()
                try connection.sendRequest(
                    "GET",
                    "/api/chat/message?session_id=\(session)",
                    headers: [("Last-Event-ID", id)]
                )
                return try connection.head().status
            }
            #expect(try comeBack(after: ids[1]) == 200)
            #expect(try comeBack(after: ids[ids.count - 1]) == 204)
            #expect(try comeBack(after: "stream_x:3") == 404)
            #expect(try comeBack(after: "nonsense") == 404)
            #expect(try comeBack(after: ids[1], to: "") == 422)
            await service.advance(by: .seconds(11))
            #expect(try comeBack(after: ids[1]) == 200)
            #expect(
                try samples("roomservice_stream_resumes_total", service) == [
                    #"result="continued""#: 1, #"result="reset""#: 0, #"result="stored""#: 1,
                    #"result="nothing_left""#: 1, #"result="not_found""#: 2, #"result="refused""#: 1,
                ]
            )
        }
    }

    @Test func `calls of the store are counted by what became of them`() async throws {
        try await withService { service in
            let (_, room) = try service.makeSession()
            _ = try service.get("/api/rooms/\(room)")
            _ = try service.request("DELETE", "/api/rooms/\(room)?user_id=bob")
            await service.store.close()
            _ = try service.get("/api/rooms/\(room)")
            let operations = try samples("roomservice_store_operations_total", service)
            #expect(operations[#"operation="create_session",result="ok""#] == 1)
            #expect(operations[#"operation="room",result="ok""#] == 1)
            #expect(operations[#"operation="room",result="unavailable""#] == 1)
            #expect(operations[#"operation="delete_room",result="refused""#] == 1)
            #expect(operations[#"operation="begin",result="ok""#] == 0)
            let times = try samples("roomservice_store_operation_duration_seconds_count", service)
            #expect(times[#"operation="room",result="ok""#] == 1)
            #expect(times[#"operation="room",result="unavailable""#] == 1)
            #expect(times[#"operation="begin",result="ok""#] == nil)
            #expect(
                try samples("roomservice_store_queue_depth", service) == [#"queue="write""#: 0, #"queue="read""#: 0]
            )
        }
    }

    @Test func `an answer that fails counts as an error that clients were told of, and its agent's`() async throws {
        let agent = ScriptedAgent(words: ["Well"], failure: nil)
        try await withService({ $0.maxStreamsPerUser = 1 }, agent: agent) { service in
            let (session, _) = try service.makeSession()
            _ = try service.ask(session).eventsToTheEnd()
            #expect(try samples("errors_total", service).values.reduce(0, +) == 0)
        }
        struct Fault: Error {}
        try await withService(agent: ScriptedAgent(words: ["Well"], failure: Fault())) { service in
            let (session, _) = try service.makeSession()
            _ = try service.ask(session).eventsToTheEnd()
            let errors = try samples("errors_total", service)
            #expect(errors[#"error_type="INTERNAL_ERROR""#] == 1 && errors.values.reduce(0, +) == 1)
            #expect(
                try samples("roomservice_agent_errors_total", service)[#"agent="scripted",code="INTERNAL_ERROR""#] == 1
            )
        }
    }

    @Test func `loops, memory and the process are told`() async throws {
        try await withService(loops: 2) { service in
            // Each loop has served some timer.
            await service.advance(by: .seconds(2))
            let (session, _) = try service.makeSession()
            let asking = try service.ask(session, demo: #"{"rate":1,"tokens":100}"#)
            await service.advance(by: .seconds(2))
            let lag = try samples("roomservice_loop_lag_seconds_count", service)
            #expect(Set(lag.keys) == [#"loop="0""#, #"loop="1""#])
            #expect(lag.values.contains { $0 > 0 })
            let time = try samples("roomservice_loop_cpu_seconds_total", service)
            #expect(time.count == 2 && time.values.allSatisfy { $0 > 0 && $0 < 60 })
            let memory = try samples("roomservice_memory_bytes", service)
            #expect(Set(memory.keys) == [#"part="stream_logs""#, #"part="connection_buffers""#, #"part="store""#])
            #expect(memory[#"part="store""#] ?? 0 > 10_000)
            #expect(memory[#"part="stream_logs""#] ?? 0 > 500)
            #expect(memory[#"part="connection_buffers""#] ?? -1 >= 0)
            #expect(try samples("process_open_fds", service)[""] ?? 0 > 10)
            #expect(try samples("process_max_fds", service)[""] ?? 0 >= 256)
            let start = try #require(try samples("process_start_time_seconds", service)[""])
            let now = Double(SystemTimeSource().now.milliseconds) / 1000
            #expect(start < now && start > now - 86_400)
            let information = try samples("roomservice_build_info", service)
            #expect(information == [#"version="\#(ServiceInfo.version)",store="sqlite""#: 1])
            _ = try service.post("/api/session/\(session)/stop")
            _ = try asking.eventsToTheEnd()
        }
    }

    @Test func `bytes that a client does not take are told as memory, until it is gone`() async throws {
        try await withService { service in
            var connection: TestConnection? = try service.connect()
            let isHeld = try await service.eventually {
                for _ in 0..<10 { try connection?.sendRequest("GET", "/metrics") }
                return try samples("roomservice_memory_bytes", service)[#"part="connection_buffers""#] ?? 0 > 10_000
            }
            #expect(isHeld)
            connection = nil
            let isFree = try await service.eventually {
                try samples("roomservice_memory_bytes", service)[#"part="connection_buffers""#] == 0
            }
            #expect(isFree)
        }
    }
}
