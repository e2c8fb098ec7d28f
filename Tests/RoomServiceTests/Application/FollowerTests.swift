import Primitives
import Testing

@testable import RoomService

/// Clients that watch a session which ends: they are let go, as nothing will come any more.
struct FollowerTests {
    @Test(arguments: [1, 2])
    func `a deleted session's followers get how its answer ended, and then the end`(loops: Int) async throws {
        try await withService(loops: loops) { service in
            let (session, _) = try service.makeSession()
            let (other, _) = try service.makeSession()
            let followers = try (0..<4).map { _ in try service.watch("session_id=\(session)") }
            let unconcerned = try service.watch("session_id=\(other)")
            let asking = try service.ask(session, demo: #"{"rate":0.001,"tokens":100}"#)
            for follower in followers { #expect(try follower.dataEvent()?.status == "started") }
            #expect(try service.request("DELETE", "/api/session/\(session)").status == 200)
            for follower in followers {
                #expect(try follower.eventsToTheEnd().last?.status == "cancelled")
                #expect(try follower.event() == nil)
            }
            #expect(try asking.eventsToTheEnd().last?.status == "cancelled")
            #expect(try unconcerned.event()?.data == nil)
            _ = try service.ask(other).eventsToTheEnd()
            #expect(try unconcerned.eventsToTheEnd().last?.status == "complete")
        }
    }

    @Test func `who joins a question that comes too late for its session is told so`() async throws {
        try await withService(loops: 4) { service in
            for round in 0..<20 {
                let (session, _) = try service.makeSession(user: "user\(round)")
                let clients = try (0..<20).map { _ in try service.connect() }
                let deleting = try service.connect()
                for (index, client) in clients.enumerated() {
                    try client.sendRequest("GET", "/api/chat/message?session_id=\(session)&query=hi")
                    if index == 10 { try deleting.sendRequest("DELETE", "/api/session/\(session)") }
                }
                #expect(try deleting.response().status == 200)
                for client in clients {
                    let head = try client.head()
                    guard head.status == 200 else {
                        #expect(head.status == 404)
                        continue
                    }
                    let end = try client.eventsToTheEnd().last
                    #expect(end?.status != "error" || end?.json["error_code"] == "NOT_FOUND")
                }
            }
        }
    }

    @Test func `a deleted room's followers end`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let follower = try service.watch("session_id=\(session)")
            #expect(try service.request("DELETE", "/api/rooms/\(room)?user_id=ada").status == 200)
            #expect(try follower.dataEvent() == nil)
        }
    }

    @Test func `an expired session's followers end, after the answer that outlasts it`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            let follower = try service.watch("session_id=\(session)")
            await service.advance(by: .seconds(29 * 60))
            _ = try service.ask(session, demo: #"{"rate":0.01,"tokens":2}"#)
            // The second word comes 100 seconds after the first.
            #expect(try follower.dataEvent()?.status == "started")
            #expect(try follower.dataEvent()?.status == "streaming")
            await service.settle()
            for _ in 0..<3 { await service.advance(by: .seconds(60)) }
            #expect(try follower.eventsToTheEnd().map(\.status) == ["streaming", "complete"])
            #expect(try follower.dataEvent() == nil)
        }
    }

    @Test func `when the service ends they are let go one after the other`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            let followers = try (0..<250).map { _ in try service.watch("session_id=\(session)") }
            let tracker = service.application.tracker
            #expect(tracker.followerCount == 250)
            service.beginShutDown()
            await service.settle()
            var counts: [Int] = []
            while tracker.followerCount > 0, counts.count < 100 {
                counts.append(tracker.followerCount)
                await service.advance(by: .milliseconds(100))
            }
            #expect(counts == [150, 50])
            for follower in followers { while try follower.event() != nil {} }
        }
    }
}
