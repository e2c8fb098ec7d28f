import TestSupport

/// Random chunks of a streamed answer: mostly as services send them, with all the freedom of JSON's grammar and with what only some
/// of them have.
struct RandomChunk {
    private var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    mutating func text() -> String {
        space()
            + object([
                ("id", 9, { $0.string() }), ("object", 9, { _ in "\"chat.completion.chunk\"" }),
                ("created", 9, { _ in "1760000000" }), ("model", 9, { $0.string() }),
                ("choices", 12, { $0.choices() }), ("usage", 3, { $0.usage() }), ("error", 1, { $0.any() }),
                ("choices", 1, { $0.choices() }), ("x_extra", 2, { $0.any() }), ("message", 1, { $0.string() }),
            ]) + space()
    }

    /// A text with one to three bytes changed, removed, doubled or inserted.
    mutating func spoiltText() -> [UInt8] {
        var bytes = Array(text().utf8)
        let marks = Array("{}[]:,\"\\0nu \n\u{1}x".utf8) + [0x80, 0xC3, 0xFF]
        bytes.spoil(marks, using: &generator)
        return bytes
    }

    // MARK: What a chunk has

    private mutating func choices() -> String {
        if chance(1, of: 12) { return any() }
        let choices = (0..<[0, 1, 1, 1, 1, 1, 1, 1, 2].randomElement(using: &generator)!).map { _ in choice() }
        return "[" + space() + choices.joined(separator: "," + space()) + space() + "]"
    }

    private mutating func choice() -> String {
        object([
            ("index", 11, { _ in "0" }), ("delta", 11, { $0.delta() }), ("logprobs", 5, { $0.any(unless: 4) }),
            ("finish_reason", 8, { $0.finish() }), ("delta", 1, { $0.delta() }), ("message", 1, { $0.delta() }),
            ("text", 1, { $0.string() }),
        ])
    }

    private mutating func delta() -> String {
        if chance(1, of: 12) { return any() }
        return object([
            ("role", 3, { _ in "\"assistant\"" }), ("content", 11, { $0.content() }), ("content", 1, { $0.content() }),
            ("refusal", 3, { $0.string(unless: 5) }), ("reasoning_content", 2, { $0.string(unless: 3) }),
            ("reasoning", 1, { $0.string(unless: 3) }), ("tool_calls", 2, { $0.any(unless: 3) }),
            ("annotations", 1, { $0.any(unless: 3) }),
        ])
    }

    private mutating func content() -> String {
        switch Int.random(in: 0..<12, using: &generator) {
        case 0: "null"
        case 1: "[{\"type\":\"text\",\"text\":" + string() + "}]"
        case 2: any()
        default: string()
        }
    }

    private mutating func finish() -> String { string(unless: 8) }

    private mutating func usage() -> String {
        chance(1, of: 3) ? "{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}" : "null"
    }

    // MARK: JSON

    /// Each of the members with a chance of so many in 12; in any order.
    private mutating func object(_ members: [(name: String, chance: Int, value: (inout Self) -> String)]) -> String {
        let texts = members.shuffled(using: &generator).compactMap { member -> String? in
            guard chance(member.chance, of: 12) else { return nil }
            return "\"\(name(member.name))\"" + space() + ":" + space() + member.value(&self) + space()
        }
        return "{" + space() + texts.joined(separator: "," + space()) + "}"
    }

    /// Now and then a letter is written as an escape.
    private mutating func name(_ name: String) -> String {
        guard chance(1, of: 40), let first = name.utf8.first else { return name }
        return "\\u00" + String(first, radix: 16) + name.dropFirst()
    }

    private mutating func string(unless nulls: Int = 0) -> String {
        if nulls > 0, !chance(1, of: nulls) { return "null" }
        let pieces = [
            "", " ", "word", "a{b}[c]:,", "día", "日本語", "👩‍👩‍👧", "\\n", "\\\"", "\\\\", "\\/", "\\t\\r\\b\\f", "\\u00e9",
            "\\ud83d\\ude00", "\\ud83d", "\\u0000", "\\\\\\\"", "\u{7F}",
        ]
        let count = [0, 1, 1, 2, 4].randomElement(using: &generator)!
        return "\"" + (0..<count).map { _ in pieces.randomElement(using: &generator)! }.joined() + "\""
    }

    private mutating func any(unless nulls: Int = 0) -> String {
        if nulls > 0, !chance(1, of: nulls) { return "null" }
        let values = [
            "null", "true", "0", "-1.5e3", "[]", "{}", "[[{\"a\":[1,2,{\"content\":\"no\"}]}],\"]\"]",
            "{\"delta\":{\"content\":\"no\"},\"b\":\"}\"}", "[\"\\\"\",\"\\\\\"]", "\"text\"",
            "[{\"index\":0,\"id\":\"call_1\"}]",
        ]
        return values.randomElement(using: &generator)!
    }

    private mutating func space() -> String {
        ["", "", "", "", " ", "\n\t", "\r\n  "].randomElement(using: &generator)!
    }

    private mutating func chance(_ count: Int, of all: Int) -> Bool {
        Int.random(in: 0..<all, using: &generator) < count
    }
}
