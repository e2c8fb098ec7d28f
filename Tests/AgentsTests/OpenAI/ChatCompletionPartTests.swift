import Primitives
import Testing

@testable import Agents

struct ChatCompletionPartTests {
    private func part(_ json: String) throws -> ChatCompletionPart? {
        ChatCompletionPart(try #require(try JSONParser.parse(Array(json.utf8)).objectValue))
    }

    @Test(
        arguments: [
            (#"{"choices":[{"delta":{"content":"día"}}]}"#, "día"),
            (#"{"choices":[{"message":{"role":"assistant","content":"all"}}]}"#, "all"),
            (#"{"choices":[{"delta":null,"message":{"content":"all"}}]}"#, "all"),
            (#"{"choices":[{"text":"old"}]}"#, "old"),
            (
                #"{"choices":[{"delta":{"content":[{"type":"text","text":"a"},{"type":"x"},{"type":"text","text":"b"}]}}]}"#,
                "ab"
            ),
            (#"{"choices":[{"delta":{"content":null,"refusal":"I cannot."}}]}"#, "I cannot."),
            (#"{"choices":[{"delta":{"content":"first"}},{"delta":{"content":"second"}}]}"#, "first"),
            (#"{"choices":[{"delta":{"role":"assistant"}}]}"#, ""),
            (#"{"choices":[{"delta":{"content":7}}]}"#, ""),
            (#"{"choices":[{}]}"#, ""), (#"{"choices":[null]}"#, ""), (#"{"choices":[]}"#, ""),
        ]
    )
    func `the text is found wherever services put it`(json: String, text: String) throws {
        #expect(try part(json)?.text == text)
    }

    @Test(
        arguments: [
            // DeepSeek and vLLM, OpenRouter, and its list of parts.
            #"{"choices":[{"delta":{"content":null,"reasoning_content":"Hm."}}]}"#,
            #"{"choices":[{"delta":{"content":"","reasoning":"Hm."}}]}"#,
            #"{"choices":[{"delta":{"reasoning_content":null,"reasoning":"Hm."}}]}"#,
            #"{"choices":[{"message":{"content":"","reasoning":[{"text":"H"},{"text":"m."}]}}]}"#,
        ]
    )
    func `what a model thinks is kept apart from what it says`(json: String) throws {
        let part = try #require(try part(json))
        #expect(part.reasoning == "Hm." && part.text.isEmpty)
    }

    @Test func `parts of tools' calls are passed on as they are`() throws {
        let call: JSONObject = ["index": 0, "id": "call_1", "function": ["name": "f", "arguments": "{\"a\""]]
        let json: JSONObject = [
            "choices": [["delta": ["tool_calls": [.object(call), 5]], "finish_reason": "tool_calls"]]
        ]
        let part = try #require(ChatCompletionPart(json))
        #expect(part.toolCalls == [call])
        #expect(part.finishReason == "tool_calls")
    }

    @Test func `model and use are told with or without a choice`() throws {
        let usage = #""usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":12}"#
        for json in [
            #"{"model":"m-1","choices":[],\#(usage)}"#, #"{"model":"m-1","choices":[{"delta":{}}],\#(usage)}"#,
        ] {
            let part = try #require(try part(json))
            #expect(part.model == "m-1")
            #expect(part.usage == ChatCompletionPart.Usage(prompt: 5, completion: 6, total: 12))
        }
    }

    @Test(
        arguments: [
            (#"{"prompt_tokens":5,"completion_tokens":6}"#, 11), (#"{"total_tokens":9}"#, 9),
            (#"{"prompt_tokens":5,"completion_tokens":null}"#, 5), ("{}", nil), ("null", nil), ("7", nil),
            (#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#, nil),
            // What no answer takes counts as nothing, lest sums overflow.
            (#"{"prompt_tokens":9223372036854775807,"completion_tokens":1}"#, 1),
            (#"{"prompt_tokens":-5,"completion_tokens":7,"total_tokens":9223372036854775807}"#, 7),
        ] as [(String, Int64?)]
    )
    func `the total is what is told, or the sum, and nothing is no use`(usage: String, total: Int64?) throws {
        #expect(try part(#"{"choices":[],"usage":\#(usage)}"#)?.usage?.total == total)
    }

    @Test func `words are held to the length of words`() throws {
        let long = String(repeating: "x", count: 1000)
        let part = try part(#"{"model":"\#(long)","choices":[{"delta":{},"finish_reason":"\#(long)"}]}"#)
        #expect(part?.model?.count == 128 && part?.finishReason?.count == 128)
    }

    @Test(arguments: [#"{}"#, #"{"choices":null}"#, #"{"choices":{}}"#, #"{"object":"ping"}"#, #"{"data":[]}"#])
    func `an object without choices is no part of an answer`(json: String) throws {
        #expect(try part(json) == nil)
    }
}
