import Primitives
import Testing

@testable import RoomService

/// What clients of the API do, each over a connection of its own.
extension TestService {
    func request(
        _ method: String,
        _ target: String,
        _ body: String? = nil,
        headers: [(String, String)] = []
    ) throws -> TestResponse {
        let connection = try connect()
        try connection.sendRequest(method, target, body, headers: headers)
        return try connection.response(toHead: method == "HEAD")
    }

    func get(_ target: String) throws -> TestResponse { try request("GET", target) }
    func post(_ target: String, _ body: String? = nil) throws -> TestResponse { try request("POST", target, body) }

    /// Makes a session in a new room.
    func makeSession(user: String = "ada") throws -> (session: String, room: String) {
        let response = try post("/api/session/create", #"{"user_id":"\#(user)"}"#)
        try #require(response.status == 201, "\(response.text)")
        return (
            try #require(response.data["session_id"]?.stringValue), try #require(response.data["room_id"]?.stringValue)
        )
    }

    /// Asks, and returns the connection with the stream's head read.
    func ask(
        _ session: String,
        _ query: String = "What can you do?",
        demo: String = #"{"rate":0}"#,
        messageID: String? = nil
    ) throws -> TestConnection {
        let connection = try connect()
        try connection.sendRequest(
            "POST",
            "/api/chat/message",
            question(session, query, demo: demo, messageID: messageID)
        )
        let head = try connection.head()
        try #require(head.status == 200)
        #expect(head["Content-Type"] == "text/event-stream")
        #expect(head["Cache-Control"] == "no-cache, no-transform" && head["X-Accel-Buffering"] == "no")
        #expect(head["X-Request-ID"] != nil && head["Access-Control-Allow-Origin"] == "*")
        return connection
    }

    func question(
        _ session: String,
        _ query: String = "What can you do?",
        demo: String = #"{"rate":0}"#,
        messageID: String? = nil
    ) -> String {
        let id = messageID.map { #","message_id":"\#($0)""# } ?? ""
        return #"{"session_id":"\#(session)","query":"\#(query)","context":{"demo":\#(demo)}\#(id)}"#
    }

    /// Opens an event stream by `GET`, and returns the connection with the head read.
    func watch(_ query: String, lastEventID: String? = nil) throws -> TestConnection {
        let connection = try connect()
        let headers = lastEventID.map { [("Last-Event-ID", $0)] } ?? []
        try connection.sendRequest("GET", "/api/chat/message?\(query)", headers: headers)
        let head = try connection.head()
        try #require(head.status == 200)
        return connection
    }

    /// The room's stored conversations, oldest first.
    func history(_ room: String) throws -> [JSONObject] {
        let response = try get("/api/rooms/\(room)/history")
        try #require(response.status == 200)
        return (response.data["conversations"]?.arrayValue ?? []).compactMap(\.objectValue)
    }
}

extension TestConnection {
    /// The next event that is neither a comment nor `retry`.
    func dataEvent() throws -> TestEvent? {
        while let event = try event() {
            if event.data != nil { return event }
        }
        return nil
    }

    /// The events up to the terminal one, without `retry`, comments and what comes behind.
    func eventsToTheEnd() throws -> [TestEvent] {
        var events: [TestEvent] = []
        while let event = try dataEvent() {
            events.append(event)
            if event.isTerminal { return events }
        }
        return events
    }
}
