import Foundation
import Primitives
import Streaming
import Testing

struct StreamEventEncoderTests {
    private func decoded(_ bytes: [UInt8]) throws -> EventStream.Event {
        let body = try ChunkedBody(bytes)
        #expect(body.chunks.count == 1)
        #expect(body.rest.isEmpty)
        let stream = try EventStream(body.content)
        #expect(stream.events.count == 1)
        return try #require(stream.events.first)
    }

    private func object(_ data: String) throws -> [String: String] {
        try #require(try JSONSerialization.jsonObject(with: Data(data.utf8)) as? [String: String])
    }

    @Test func `a piece of an answer is encoded byte by byte as agreed, and framed as one chunk`() {
        var encoder = StreamEventEncoder(streamID: "stream_A", agentType: "assistant")
        encoder.encodeContent(Array("Based on".utf8))
        let event =
            "id: stream_A:0\n"
            + #"data: {"status":"streaming","content":"Based on","agent_type":"assistant","stream_id":"stream_A"}"#
            + "\n\n"
        let size = String(event.utf8.count, radix: 16)
        #expect(String(decoding: encoder.bytes, as: UTF8.self) == "\(size)\r\n\(event)\r\n")
    }

    @Test func `sequence numbers count up by one over events of all kinds`() throws {
        var encoder = StreamEventEncoder(streamID: "s", agentType: "a")
        var ids: [String?] = []
        encoder.encode(status: "started")
        ids.append(try decoded(encoder.bytes).id)
        for _ in 0..<11 {
            encoder.encodeContent(Array("x".utf8))
            ids.append(try decoded(encoder.bytes).id)
        }
        encoder.encode(status: "complete", members: [JSONObject.Member(key: "content", value: "x")])
        ids.append(try decoded(encoder.bytes).id)
        #expect(ids == (0...12).map { "s:\($0)" })
    }

    @Test(
        arguments: [
            ("plain", "plain"),
            (#"say "no""#, #"say \"no\""#),
            (#"back\slash"#, #"back\\slash"#),
            ("two\nlines", #"two\nlines"#),
            ("a\r\nb\rc", #"a\r\nb\rc"#),
            ("\t\u{8}\u{C}", #"\t\b\f"#),
            ("\u{0}\u{1}\u{1F}", #"\u0000\u0001\u001f"#),
            ("\u{7F}", "\u{7F}"),
            ("\u{2028}\u{2029}", "\u{2028}\u{2029}"),
            ("naïve 日本語 👩‍👩‍👧", "naïve 日本語 👩‍👩‍👧"),
            ("data: x\n\nid: 9", #"data: x\n\nid: 9"#),
            ("", ""),
        ]
    )
    func `text is escaped as JSON and comes back whole`(text: String, escaped: String) throws {
        var encoder = StreamEventEncoder(streamID: "s", agentType: "a")
        encoder.encodeContent(Array(text.utf8))
        let content = try decoded(encoder.bytes)
        let rest = #"","agent_type":"a","stream_id":"s"}"#
        #expect(content.data == #"{"status":"streaming","content":""# + escaped + rest)
        #expect(try object(content.data)["content"] == text)

        encoder.encode(status: "complete", members: [JSONObject.Member(key: "content", value: .string(text))])
        let terminal = try decoded(encoder.bytes)
        #expect(terminal.data == #"{"status":"complete","content":""# + escaped + rest)
    }

    @Test func `every scalar below 3000 survives the way to a client`() throws {
        var encoder = StreamEventEncoder(streamID: "s", agentType: "a")
        let text = String(String.UnicodeScalarView((0..<3000).compactMap(Unicode.Scalar.init)))
        encoder.encodeContent(Array(text.utf8))
        let content = try #require(try object(decoded(encoder.bytes).data)["content"])
        #expect(content.unicodeScalars.elementsEqual(text.unicodeScalars))
    }

    @Test func `the agent's name is escaped too`() throws {
        var encoder = StreamEventEncoder(streamID: "s", agentType: "a\"\n")
        encoder.encode(status: "started")
        #expect(try object(decoded(encoder.bytes).data)["agent_type"] == "a\"\n")
    }

    @Test(arguments: [1, 15, 16, 17, 255, 256, 4095, 4096, 70_000])
    func `a chunk's size is told in hexadecimal`(size: Int) throws {
        var bytes: [UInt8] = []
        bytes.append(chunk: [UInt8](repeating: 120, count: size))
        #expect(try ChunkedBody(bytes).chunks.map(\.count) == [size])
        #expect(bytes.starts(with: String(size, radix: 16).utf8))
    }
}
