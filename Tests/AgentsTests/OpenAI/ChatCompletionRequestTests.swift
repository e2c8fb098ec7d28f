import Primitives
import Testing

@testable import Agents

struct ChatCompletionRequestTests {
    private func json(
        system: String = "",
        _ prompt: AgentPrompt = prompt(),
        set: (inout OpenAIAgentOptions) -> Void = { _ in }
    ) throws -> JSONObject {
        var options = OpenAIAgentOptions(
            name: "assistant",
            summary: "",
            model: "m-1",
            systemPrompt: try PromptTemplate(system)
        )
        set(&options)
        return ChatCompletionRequest(options: options, prompt: prompt).json
    }

    private static func prompt(_ question: String = "And now?", parameters: JSONObject = [:]) -> AgentPrompt {
        AgentPrompt(
            question: question,
            parameters: parameters,
            sessionID: "session_1",
            userID: "ada",
            roomID: "room_1"
        )
    }

    private func messages(_ json: JSONObject) throws -> [String] {
        try #require(json["messages"]?.arrayValue).map { message in
            let members = try #require(message.objectValue)
            #expect(members.count == 2)
            return "\(members["role"]?.stringValue ?? "-"): \(members["content"]?.stringValue ?? "-")"
        }
    }

    @Test func `a question alone is one message, and nothing is asked for that was not set`() throws {
        let expected: JSONObject = [
            "model": "m-1", "messages": [["role": "user", "content": "And now?"]], "stream": true,
            "stream_options": ["include_usage": true],
        ]
        #expect(try json() == expected)
    }

    @Test func `the system's part comes first, then what was said, then the question`() throws {
        var prompt = Self.prompt()
        prompt.userProfile = ["name": "Ada"]
        prompt.requestContext = ["page": "home", "secret": "not for the model"]
        prompt.instructions = ["Be brief.", "", "In French."]
        prompt.context = [
            AgentTurn(question: "One?", answer: "First.", agentType: "assistant"),
            AgentTurn(question: "Never answered?", answer: "", agentType: "assistant"),
            AgentTurn(question: "Two?", answer: "Second.", agentType: "critic"),
        ]
        let json = try json(system: "You talk to {{user_profile.name}} on {{context.page}}.", prompt)
        #expect(
            try messages(json) == [
                "system: You talk to Ada on home.", "system: Be brief.", "system: In French.", "user: One?",
                "assistant: First.", "user: Two?", "assistant: Second.", "user: And now?",
            ]
        )
        #expect(!String(decoding: JSONValue.object(json).encoded, as: UTF8.self).contains("not for the model"))
    }

    @Test func `a system prompt that comes out empty is no message`() throws {
        #expect(try messages(try json(system: "{{user_profile.name}}")) == ["user: And now?"])
    }

    @Test func `what is set for the agent is asked for, and what a request asks for comes before it`() throws {
        let set: (inout OpenAIAgentOptions) -> Void = { ($0.temperature, $0.maxTokens) = (0.25, 100) }
        let plain = try json(set: set)
        #expect(plain["temperature"] == 0.25 && plain["max_tokens"] == 100)
        let parameters: JSONObject = ["temperature": 1, "max_tokens": 7, "top_p": 0.5, "stop": ["."]]
        let asked = try json(Self.prompt(parameters: parameters), set: set)
        for member in parameters.members { #expect(asked[member.key] == member.value) }
        #expect(asked["model"] == "m-1" && asked["stream"] == true)
    }

    @Test func `of the two names of a limit only one is sent`() throws {
        let asked = try json(Self.prompt(parameters: ["max_completion_tokens": 9])) { $0.maxTokens = 100 }
        #expect(asked["max_completion_tokens"] == 9 && asked["max_tokens"] == nil)
    }

    @Test func `a service that refuses to be asked for the tokens' number is not asked`() throws {
        let json = try json { $0.asksForUsage = false }
        #expect(json["stream_options"] == nil && json["stream"] == true)
    }

    @Test func `no parameter makes an answer come otherwise than as a stream`() throws {
        let json = try json(Self.prompt(parameters: ["stream": false]))
        #expect(json["stream"] == true)
    }
}
