import Primitives
import Testing

@testable import Agents

struct PlainChunkTests {
    /// The text of a plain chunk; nil for any other.
    private func plainText(_ chunk: [UInt8]) -> [UInt8]? {
        let before = Array("what was there, día".utf8)
        var text = before
        let isPlain = PlainChunk.append(chunk, to: &text)
        #expect(text.starts(with: before))
        if !isPlain { #expect(text == before, "\(String(decoding: chunk, as: UTF8.self))") }
        return isPlain ? Array(text.dropFirst(before.count)) : nil
    }

    private func plainText(_ chunk: String) -> String? {
        plainText(Array(chunk.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What a plain chunk leaves out must be nothing that matters, by the parser's word.
    ///
    /// - Returns: whether the chunk is plain.
    @discardableResult private func checkAgainstParser(_ chunk: [UInt8]) throws -> Bool {
        guard let text = plainText(chunk) else { return false }
        #expect(String(validating: text, as: UTF8.self) != nil)
        // It is no validator.
        guard let json = try? JSONParser.parse(chunk, repairsSurrogates: true) else { return true }
        let shown = Comment(rawValue: String(decoding: chunk, as: UTF8.self))
        let object = try #require(json.objectValue, shown)
        #expect(ChatCompletionError(object) == nil, shown)
        let part = try #require(ChatCompletionPart(object), shown)
        #expect(Array(part.text.utf8) == text, shown)
        #expect(part.reasoning.isEmpty && part.toolCalls.isEmpty, shown)
        #expect(part.finishReason == nil && part.usage == nil, shown)
        return true
    }

    // MARK: By hand

    private static let usual =
        #"{"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":null,"#
        + #""choices":[{"index":0,"delta":{"content":"día \"👩‍👩‍👧\"\n"},"logprobs":null,"finish_reason":null}],"usage":null}"#

    @Test(
        arguments: [
            (usual, "día \"👩‍👩‍👧\"\n"),
            (#"{"choices":[{"delta":{"content":"x"}}]}"#, "x"),
            (#"{"choices":[{"delta":{"content":""}}]}"#, ""),
            (#"{"choices":[{"delta":{"content":null}}]}"#, ""),
            (#"{"choices":[{"delta":{}}]}"#, ""),
            (#"{"choices":[{"delta":{"role":"assistant","content":" x ","refusal":null,"tool_calls":null}}]}"#, " x "),
            (
                #"{"choices":[{"finish_reason":null,"delta":{"content":"x"},"index":0}],"x":{"choices":[1,{"a":"}"}]}}"#,
                "x"
            ),
            (" { \"choices\" : [ { \"delta\" :\n{ \"content\"\t: \"x\" } } ] } \r\n", "x"),
            (#"{"choices":[{"delta":{"content":"\n\t\r\b\f\/\\\""}}]}"#, "\n\t\r\u{8}\u{C}/\\\""),
            (#"{"choices":[{"delta":{"content":"\\u00e9 \\\\"}}]}"#, #"\u00e9 \\"#),
            (#"{"choices":[{"delta":{"content":"x"}}],"a":"\"]}\\","b":-1.5e-3,"c":[[],{}],"d":true}"#, "x"),
        ]
    )
    func `a chunk that brings nothing but text is plain`(chunk: String, text: String) throws {
        #expect(plainText(chunk) == text)
        #expect(try checkAgainstParser(Array(chunk.utf8)))
    }

    @Test(
        arguments: [
            // Something that clients, or whoever asked, are to hear of.
            #"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}"#,
            #"{"choices":[{"delta":{"content":"x","reasoning_content":"y"}}]}"#,
            #"{"choices":[{"delta":{"reasoning":"y"}}]}"#,
            #"{"choices":[{"delta":{"content":null,"tool_calls":[{"index":0}]}}]}"#,
            #"{"choices":[{"delta":{"refusal":"no"}}]}"#,
            #"{"choices":[{"delta":{"content":"x"}}],"usage":{"total_tokens":7}}"#,
            #"{"usage":{"total_tokens":7},"choices":[{"delta":{"content":"x"}}]}"#,
            #"{"choices":[],"usage":null}"#,
            #"{"choices":[{"delta":{"content":"x"}}],"error":{"message":"y"}}"#,
            // Several answers, or texts in other places.
            #"{"choices":[{"delta":{"content":"x"}},{"delta":{"content":"y"}}]}"#,
            #"{"choices":[{"text":"x"}]}"#,
            #"{"choices":[{"message":{"content":"x"}}]}"#,
            #"{"choices":[{"delta":null,"message":{"content":"x"}}]}"#,
            #"{"choices":[{"delta":{"content":[{"type":"text","text":"x"}]}}]}"#,
            // What comes twice, and what is spelt in other ways.
            #"{"choices":[{"delta":{"content":"x","content":"y"}}]}"#,
            #"{"choices":[{"delta":{"content":"x"},"delta":{"content":"y"}}]}"#,
            #"{"choices":[{"delta":{"content":"x"}}],"choices":[{"delta":{"content":"y"}}]}"#,
            #"{"choices":[{"delta":{"\u0063ontent":"x"}}]}"#,
            #"{"choices":[{"delta":{},"d\u0065lta":{"content":"x"}}]}"#,
            #"{"choices":[{"delta":{"content":"x"},"\u0066inish_reason":"stop"}]}"#,
            #"{"choices":[{"delta":{"content":"x"}}],"\u0075sage":{"total_tokens":7}}"#,
            // Escapes that are not simple.
            #"{"choices":[{"delta":{"content":"\u00e9"}}]}"#,
            #"{"choices":[{"delta":{"content":"\ud83d\ude00"}}]}"#,
            #"{"choices":[{"delta":{"content":"\ud83d"}}]}"#,
            #"{"choices":[{"delta":{"content":"\x"}}]}"#,
            // No chunks.
            "", " ", "[DONE]", "null", "[]", "{}", #""choices""#, #"{"model":"m"}"#, #"{"choices":null}"#,
            #"{"choices":[null]}"#, #"{"choices":{}}"#, #"{"choices":[{"delta":"x"}]}"#, #"{"choices":[{"index":0}]}"#,
            #"{"choices":[{"delta":{"content":5}}]}"#, #"{"choices":[{"delta":{"content":"x"}}]} x"#,
            #"{"choices":[{"delta":{"content":"x"}}]}{}"#, "{\"choices\":[{\"delta\":{\"content\":\"a\nb\"}}]}",
        ]
    )
    func `any other is left to the parser, and the text as it was`(chunk: String) {
        #expect(plainText(chunk) == nil)
    }

    @Test func `a chunk that is cut anywhere is not plain`() {
        let chunk = Array(Self.usual.utf8)
        for count in 0..<chunk.count { #expect(plainText(Array(chunk[..<count])) == nil, "\(count)") }
    }

    @Test(arguments: [
        [0xFF], [0xC3], [0xA9], [0xE6, 0x97], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF4, 0x90, 0x80, 0x80],
    ])
    func `a text that is not UTF-8 is not plain, not even as the rest of what was there`(bytes: [UInt8]) {
        let chunk = Array(#"{"choices":[{"delta":{"content":""#.utf8) + bytes + Array(#""}}]}"#.utf8)
        #expect(plainText(chunk) == nil)
        var text: [UInt8] = [0xC3]
        #expect(!PlainChunk.append(chunk, to: &text))
        #expect(text == [0xC3])
    }

    // MARK: By chance

    @Test func `what is taken for a plain chunk has the text that the parser finds, and nothing else of interest`()
        throws
    {
        var random = RandomChunk(seed: 30)
        var plainCount = 0
        for _ in 0..<20_000 {
            if try checkAgainstParser(Array(random.text().utf8)) { plainCount += 1 }
        }
        #expect(plainCount > 2000)
    }

    @Test func `spoilt chunks are no exception`() throws {
        var random = RandomChunk(seed: 31)
        for _ in 0..<20_000 { try checkAgainstParser(random.spoiltText()) }
    }
}
