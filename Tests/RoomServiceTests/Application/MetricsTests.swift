import Primitives
import Testing

@testable import RoomService

struct MetricsTests {
    /// The value of a metric, labels and all.
    private func value(_ name: String, _ service: TestService) throws -> Double? {
        let response = try service.get("/metrics")
        #expect(response.status == 200 && response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        for line in response.text.split(separator: "\n") where line.hasPrefix(name + " ") {
            return Double(line.dropFirst(name.count + 1))
        }
        return nil
    }

    @Test func `streams, readers and events are counted`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            let (other, _) = try service.makeSession()
            #expect(try value("roomservice_streams_running", service) == 0)
            let events = try service.ask(session).eventsToTheEnd().count
            #expect(try value("roomservice_streams_started_total", service) == 1)
            #expect(try value(#"roomservice_streams_ended_total{status="complete"}"#, service) == 1)
            #expect(try value("roomservice_stream_events_total", service) == Double(events))
            #expect(try value("roomservice_stream_sent_events_total", service) == Double(events))
            #expect(try value("roomservice_stream_sent_bytes_total", service) ?? 0 > Double(events * 50))
            #expect(try value("chat_response_time_seconds_count", service) == 1)
            #expect(try value(#"roomservice_stream_log_bytes{state="ended"}"#, service) ?? 0 > 1000)

            let asking = try service.ask(session, demo: #"{"rate":1,"tokens":100}"#)
            let follower = try service.watch("session_id=\(other)")
            #expect(try value("roomservice_streams_running", service) == 1)
            #expect(try value("active_streams", service) == 1)
            #expect(try value("roomservice_stream_readers", service) == 2)
            #expect(try value("roomservice_stream_followers", service) == 1)
            #expect(try value(#"roomservice_stream_log_bytes{state="running"}"#, service) ?? 0 > 500)
            _ = try service.post("/api/session/\(session)/stop")
            _ = try asking.eventsToTheEnd()
            #expect(try value(#"roomservice_streams_ended_total{status="cancelled"}"#, service) == 1)
            #expect(try value("process_resident_memory_bytes", service) ?? 0 > 1_000_000)
            _ = follower
        }
    }

    @Test func `a stuck reader is cut, and counted`() async throws {
        try await withService({ $0.stuckReader = .seconds(5) }) { service in
            let (session, _) = try service.makeSession()
            let asking = try service.ask(session, demo: #"{"rate":0,"tokens":40000}"#)
            // Its socket is full when more has been made than both ends' buffers take; with more than STREAM_LOG_MB it could be
            // cut for its lag first.
            let isCut = try await service.eventually {
                await service.advance(by: .seconds(1))
                return try value(#"roomservice_readers_cut_total{reason="stuck"}"#, service) == 1
            }
            #expect(isCut)
            _ = asking
        }
    }

    @Test func `every metric is described`() async throws {
        try await withService { service in
            let lines = try service.get("/metrics").text.split(separator: "\n")
            let described = Set(lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] })
            let named = Set(lines.filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != " " && $0 != "{" } })
            // The numbers of a histogram are described together.
            let numbers = ["_bucket", "_sum", "_count"]
            let families = named.map { name in
                let ending = numbers.first { name.hasSuffix($0) && described.contains(name.dropLast($0.count)) }
                return ending.map { name.dropLast($0.count) } ?? name
            }
            #expect(Set(families) == described)
            #expect(lines.filter { $0.hasPrefix("# HELP ") }.count == described.count)
        }
    }
}
