import Primitives
import Testing

@testable import RoomService

/// What OpenAI's clients do.
extension TestService {
    /// The body of a request: one question, and what else is in `members`, each with a comma before it.
    func completion(_ question: String = "Why?", model: String = "auto", _ members: String = "") -> String {
        #"{"model":"\#(model)","messages":[{"role":"user","content":"\#(question)"}]\#(members)}"#
    }

    func complete(_ body: String) throws -> TestResponse { try post("/v1/chat/completions", body) }

    /// Asks for a stream, and returns the connection with its head read.
    func stream(_ body: String) throws -> TestConnection {
        let connection = try connect()
        try connection.sendRequest("POST", "/v1/chat/completions", body)
        let head = try connection.head()
        try #require(head.status == 200)
        #expect(head["Content-Type"] == "text/event-stream")
        #expect(head["X-Request-ID"] != nil && head["X-Accel-Buffering"] == "no")
        return connection
    }

    var runningCount: Int { application.tracker.runningCount }
}

extension TestResponse {
    var choice: JSONObject { json["choices"]?.arrayValue?.first?.objectValue ?? [:] }
    var message: JSONObject { choice["message"]?.objectValue ?? [:] }
    /// The members of an error in OpenAI's form.
    var openAIError: JSONObject { json["error"]?.objectValue ?? [:] }
}

extension TestEvent {
    var choice: JSONObject { json["choices"]?.arrayValue?.first?.objectValue ?? [:] }
    var delta: String? { choice["delta"]?.objectValue?["content"]?.stringValue }
    var openAIError: JSONObject { json["error"]?.objectValue ?? [:] }
}

extension TestConnection {
    /// What is left of the stream, up to the end of the body.
    func allData() throws -> [TestEvent] {
        var events: [TestEvent] = []
        while let event = try dataEvent() { events.append(event) }
        return events
    }

    /// The text that comes next, at least as long as `text`: pieces that are made together come as one.
    func text(asLongAs text: String) throws -> String {
        var received = ""
        while received.utf8.count < text.utf8.count, let event = try dataEvent() { received += event.delta ?? "" }
        return received
    }
}
