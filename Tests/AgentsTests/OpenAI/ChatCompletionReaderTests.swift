import Primitives
import Testing

@testable import Agents

struct ChatCompletionReaderTests {
    private static let endpoint = try! UpstreamEndpoint(baseURL: "http://model.test/v1", key: "sk-secret")
    private static let head = #"data: {"model":"m-1","choices":[{"delta":{"role":"assistant","content":""}}]}"# + "\n\n"

    private static func chunk(_ text: String) -> String {
        #"data: {"choices":[{"delta":{"content":"\#(text)"}}]}"# + "\n\n"
    }

    /// What a response brings that comes in pieces, each item in words; the last is how it ends.
    private func items(
        status: Int = 200,
        type: String = "text/event-stream",
        retryAfter: Int? = nil,
        _ pieces: [String]
    ) -> [String] {
        var reader = ChatCompletionReader(status: status, contentType: type, retryAfter: retryAfter, of: Self.endpoint)
        var items: [String] = []
        var text: [UInt8] = []
        func take(_ item: ChatCompletionReader.Item) {
            switch item {
            case .text:
                items.append("'\(String(decoding: text, as: UTF8.self))'")
                text = []
            case .part(let part): items.append("part '\(part.text)'" + (part.finishReason.map { " \($0)" } ?? ""))
            case .done: items.append("done")
            }
        }
        do throws(OpenAIFailure) {
            for piece in pieces {
                try reader.append(Array(piece.utf8))
                while items.last != "done", let item = try reader.next(appendingTo: &text) { take(item) }
            }
            while items.last != "done", let item = try reader.last(appendingTo: &text) { take(item) }
            if items.last != "done" { items.append("end") }
        } catch {
            items.append("\(error.error.code.rawValue): \(error.error.detail)")
        }
        #expect(text.isEmpty)
        return items
    }

    // MARK: Event streams

    @Test func `chunks are read as they come, and texts alone without more ado`() {
        let pieces = [
            Self.head + Self.chunk("a"), Self.chunk("día"), Self.chunk("b") + Self.chunk(""), "data: [DONE]\n\n",
        ]
        #expect(items(pieces) == ["part ''", "'a'", "'día'", "'b'", "done"])
    }

    @Test func `the first chunk is a part also where it is a text alone, as it tells the model`() {
        #expect(items([Self.chunk("a") + Self.chunk("b")]) == ["part 'a'", "'b'", "end"])
    }

    @Test func `what keeps a connection alive is no part of an answer`() {
        let pieces = [": OPENROUTER PROCESSING\n\n", "data: {}\n\n", "event: ping\ndata: {\"type\":\"ping\"}\n\n"]
        #expect(items(pieces + [Self.chunk("a")] + pieces + [Self.chunk("b")]) == ["part 'a'", "'b'", "end"])
    }

    @Test func `the last event may lack its end, whatever it is`() {
        let last = #"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#
        #expect(items([Self.chunk("a"), last]) == ["part 'a'", "part '' stop", "end"])
        #expect(items([Self.chunk("a"), "data: [DONE]"]) == ["part 'a'", "done"])
        #expect(items([Self.chunk("a"), "data: [DO"]).last?.hasPrefix("AGENT_PROTOCOL") == true)
    }

    @Test func `a stream may be nothing but its end`() {
        #expect(items(["data: [DONE]\n\n"]) == ["done"])
    }

    @Test(arguments: ["", "\n\n", "data: {}\n\n", "<html><p>Hello</p></html>", ": ping\n\n", #"{"choices":[]}"#])
    func `a success without anything of an answer is not understood`(text: String) {
        #expect(items([text]) == ["AGENT_PROTOCOL: nothing of a chat completion in the response"])
    }

    @Test(arguments: [
        "data: {\"choices\":\n\n", "data: x\n\n", "data\n\n", "data: {} {}\n\n", "data: [1]\n\n", "data: 5\n\n",
    ])
    func `an event that is no object is not understood, and not told in full`(event: String) {
        let items = items([Self.chunk("a"), event, Self.chunk("b")])
        #expect(items.first == "part 'a'" && items.count == 2)
        #expect(items.last?.hasPrefix("AGENT_PROTOCOL: ") == true)
    }

    @Test func `an event that is too large is not understood`() {
        let items = items([Self.chunk("a"), "data: \"" + String(repeating: "x", count: 2 << 20)])
        #expect(items == ["part 'a'", "AGENT_PROTOCOL: an event of more than 1048576 bytes"])
    }

    @Test func `an error within a stream ends it, without the key`() {
        let error = #"data: {"error":{"message":"quota of sk-secret","code":"insufficient_quota"}}"# + "\n\n"
        #expect(items([Self.chunk("a"), error]) == ["part 'a'", "AGENT_RATE_LIMITED: in the answer: quota of …"])
        #expect(items([error]) == ["AGENT_RATE_LIMITED: in the answer: quota of …"])
    }

    @Test func `a content type that says nothing means events`() {
        for type in ["", "text/plain", "application/octet-stream", "TEXT/EVENT-STREAM; charset=utf-8"] {
            #expect(items(type: type, [Self.chunk("a")]) == ["part 'a'", "end"])
        }
    }

    // MARK: One object

    @Test(arguments: ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"])
    func `an answer may be one object, in any pieces`(type: String) {
        let json = #" {"choices":[{"message":{"content":"día"},"finish_reason":"length"}],"usage":{"total_tokens":7}}"#
        for pieces in [[json], json.map { String($0) }, [json, "\n"]] {
            #expect(items(type: type, pieces) == ["part 'día' length", "done"])
        }
    }

    @Test func `an object that is none of an answer is told apart from an error`() {
        let type = "application/json"
        #expect(items(type: type, ["{}"]) == ["AGENT_PROTOCOL: nothing of a chat completion in the response"])
        #expect(items(type: type, [#"{"detail":"busy"}"#]) == ["AGENT_UNAVAILABLE: in the answer: busy"])
        for text in ["", "{\"choices\":[", "[DONE]", "null"] {
            #expect(items(type: type, [text]).last?.hasPrefix("AGENT_PROTOCOL: ") == true)
        }
    }

    @Test func `an object that is too large is given up while it comes`() {
        let piece = String(repeating: " ", count: 1 << 20)
        #expect(items(type: "application/json", [String](repeating: piece, count: 4) + ["{}"]).count == 1)
        let items = items(type: "application/json", [String](repeating: piece, count: 5))
        #expect(items == ["AGENT_PROTOCOL: an answer of more than 4194304 bytes"])
    }

    // MARK: Refusals

    @Test func `a response that is no success says why, when it has come whole`() {
        let body = [#"{"error":{"mess"#, #"age":"worker of sk-secret fell over"}}"#]
        #expect(
            items(status: 500, type: "application/json", body) == [
                "AGENT_UNAVAILABLE: status 500: worker of … fell over"
            ]
        )
        #expect(items(status: 502, type: "text/html", ["<html>"]) == ["AGENT_UNAVAILABLE: status 502"])
        #expect(items(status: 404, []) == ["AGENT_REJECTED: status 404"])
        #expect(items(status: 429, [Self.chunk("a")]) == ["AGENT_RATE_LIMITED: status 429"])
    }

    @Test func `a refusal may be asked for before it has come whole`() throws {
        var reader = ChatCompletionReader(status: 429, contentType: "", retryAfter: 7, of: Self.endpoint)
        try reader.append(Array(#"{"error":{"#.utf8))
        #expect(reader.isRefusal)
        #expect(reader.refusal.error.code == .rateLimited && reader.refusal.retryAfter == 7)
        #expect(!ChatCompletionReader(status: 200, contentType: "", retryAfter: nil, of: Self.endpoint).isRefusal)
    }

    @Test func `a refusal's endless body is not held`() {
        let pieces = [String](repeating: String(repeating: "x", count: 60_000), count: 100)
        #expect(items(status: 500, pieces) == ["AGENT_UNAVAILABLE: status 500"])
        let long = #"{"error":{"message":"\#(String(repeating: "x", count: 60_000))"}}"#
        #expect(items(status: 500, [long]).first?.utf8.count ?? 0 < 400)
    }
}
