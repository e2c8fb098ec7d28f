import Agents
import Primitives

/// A message of a chat completion's request: text, as far as this service goes.
struct CompletionMessage: Sendable {
    enum Role: String, Sendable, CaseIterable {
        case system, developer, user, assistant
    }

    var role: Role
    var text: String

    var isInstruction: Bool { role == .system || role == .developer }
}

/// The messages of a request: what was said before, and, last, a question.
struct CompletionMessages: Sendable {
    fileprivate(set) var all: [CompletionMessage]

    /// What the agent is to keep to, wherever in the conversation it was said.
    var instructions: [String] {
        all.filter(\.isInstruction).map(\.text).filter { !$0.isEmpty }
    }

    /// The text of the last message of the user.
    var lastQuestion: String { all.last { $0.role == .user }?.text ?? "" }

    /// The conversation as an agent sees it. Messages of one side that follow each other count as one.
    ///
    /// - Parameter agentType: who is taken to have answered.
    func conversation(with agentType: String) -> (turns: [AgentTurn], question: String) {
        var turns: [AgentTurn] = []
        var (questions, answers): ([String], [String]) = ([], [])
        for message in all {
            switch message.role {
            case .system, .developer: break
            case .assistant: answers.append(message.text)
            case .user:
                if !answers.isEmpty {
                    turns.append(AgentTurn(question: questions.text, answer: answers.text, agentType: agentType))
                    (questions, answers) = ([], [])
                }
                questions.append(message.text)
            }
        }
        return (turns, questions.text)
    }
}

extension [String] {
    fileprivate var text: String { joined(separator: "\n\n") }
}

extension Rule where Value == CompletionMessages {
    static var messages: Rule {
        Rule(
            placeholder: CompletionMessages(all: []),
            schema: { Schema.array(of: Schema.reference("CompletionMessage")).with("minItems", 1) }
        ) { value throws(Violation) in
            guard let list = value.arrayValue else { throw Violation("list_type", "Input should be a valid list") }
            var messages = CompletionMessages(all: [])
            for (index, message) in list.enumerated() { messages.all.append(try read(message, at: "\(index)")) }
            guard let last = messages.all.lastIndex(where: { !$0.isInstruction }), messages.all[last].role == .user
            else {
                throw Violation("value_error", "The last message should be the user's")
            }
            guard messages.lastQuestion.contains(where: { !$0.isWhitespace }) else {
                throw Violation("value_error", "The question should not be empty", at: ["\(last)", "content"])
            }
            return messages
        }
    }

    private static func read(_ value: JSONValue, at index: String) throws(Violation) -> CompletionMessage {
        guard let object = value.objectValue else {
            throw Violation("dict_type", "Input should be a valid dictionary", at: [index])
        }
        guard let name = object["role"] else { throw Violation("missing", "Field required", at: [index, "role"]) }
        guard let name = name.stringValue, let role = CompletionMessage.Role(rawValue: name) else {
            let roles = "'system', 'developer', 'user' or 'assistant'; tools are not supported"
            throw Violation("unsupported_value", "Input should be \(roles)", at: [index, "role"])
        }
        if let calls = object["tool_calls"], calls != .null, calls != [] {
            throw Violation("unsupported_parameter", "Tools are not supported", at: [index, "tool_calls"])
        }
        return CompletionMessage(role: role, text: try text(of: object["content"], role, at: [index, "content"]))
    }

    private static func text(
        of content: JSONValue?,
        _ role: CompletionMessage.Role,
        at path: [String]
    ) throws(Violation) -> String {
        switch content {
        case .string(let text)?: return text
        case .array(let parts)?:
            var text = ""
            for (index, part) in parts.enumerated() { text += try self.text(ofPart: part, at: path + ["\(index)"]) }
            return text
        // An answer that had no text.
        case .null? where role == .assistant, nil where role == .assistant: return ""
        case nil: throw Violation("missing", "Field required", at: path)
        default: throw Violation("string_type", "Input should be a string, or a list of parts of type 'text'", at: path)
        }
    }

    private static func text(ofPart part: JSONValue, at path: [String]) throws(Violation) -> String {
        let type = part.objectValue?["type"]?.stringValue
        guard type == "text" else {
            let found = type.map { ", not of type '\($0)'" } ?? ""
            let message = "Only parts of type 'text' are supported\(found)"
            throw Violation("unsupported_value", message, at: path + ["type"])
        }
        guard let text = part.objectValue?["text"]?.stringValue else {
            throw Violation("string_type", "Input should be a valid string", at: path + ["text"])
        }
        return text
    }
}
