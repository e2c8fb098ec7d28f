import Agents
import Primitives
import Testing

struct DemoAgentTests {
    private static let second: Int64 = 1_000_000_000

    private func prompt(_ question: String, demo: JSONValue? = nil) -> AgentPrompt {
        var context: JSONObject = [:]
        context["demo"] = demo
        return AgentPrompt(
            question: question,
            requestContext: context,
            sessionID: "session_1",
            userID: "ada",
            roomID: "room_1"
        )
    }

    /// All pieces, each when it is due.
    private func pieces(_ answer: any AgentAnswer, _ clock: ManualClock, deadlines: inout [Int64]) throws -> [String] {
        var pieces: [String] = []
        while true {
            var piece: [UInt8] = []
            switch try answer.next(appendingTo: &piece) {
            case .piece: pieces.append(try #require(String(validating: piece, as: UTF8.self)))
            case .waiting(let deadline):
                #expect(piece.isEmpty && deadline > clock.monotonicNanoseconds)
                deadlines.append(deadline)
                clock.advance(to: deadline)
            case .event(let event): Issue.record("\(event)")
            case .ended:
                #expect(piece.isEmpty)
                return pieces
            }
        }
    }

    private func pieces(_ answer: any AgentAnswer, _ clock: ManualClock = ManualClock()) throws -> [String] {
        var deadlines: [Int64] = []
        return try pieces(answer, clock, deadlines: &deadlines)
    }

    private func answer(
        _ agent: DemoAgent,
        _ prompt: AgentPrompt,
        _ clock: ManualClock = ManualClock()
    ) -> any AgentAnswer {
        agent.answer(prompt, clock: clock, wake: {})
    }

    private func text(
        _ question: String,
        demo: JSONValue? = nil,
        options: DemoOptions = DemoOptions(rate: 0)
    ) async throws -> String {
        let clock = ManualClock()
        return try pieces(answer(DemoAgent(options: options), prompt(question, demo: demo), clock), clock).joined()
    }

    // MARK: Text

    @Test func `each piece is one word with the space after it, and the last has none`() async throws {
        let answer = answer(DemoAgent(options: DemoOptions(rate: 0)), prompt("Why is the sky blue?"))
        let pieces = try pieces(answer)
        #expect(pieces.count > 30)
        for piece in pieces.dropLast() {
            #expect(piece.count > 1 && piece.last == " " && !piece.dropLast().contains(" "))
        }
        let last = try #require(pieces.last)
        #expect(!last.isEmpty && !last.contains(" "))
        #expect(answer.metadata == ["model": "demo", "tokens_used": .integer(Int64(pieces.count))])
    }

    @Test func `it takes up words of the question and says what it is`() async throws {
        let text = try await text("Could you explain photosynthesis in leaves?")
        #expect(text.contains("“Could you explain photosynthesis in leaves?”"))
        #expect(text.contains("“photosynthesis”"))
        #expect(text.contains("built-in demo agent"))
        #expect(text.contains("connect a language model"))
        #expect(text.hasSuffix("."))
        #expect(!text.contains("  "))
    }

    @Test func `the same question gets the same answer and another one another`() async throws {
        let questions = (0..<50).map { "How do I grow \($0) tomatoes on a balcony?" } + ["Hi", "hi", "Hi!", "?"]
        var answers: Set<String> = []
        for question in questions {
            let first = try await text(question)
            let second = try await text(question)
            #expect(first == second)
            answers.insert(first)
        }
        #expect(answers.count == questions.count)
    }

    @Test(arguments: [
        "", "   \n\t ", "\u{1B}[31mred\u{7F}\u{0}", "día 日本語はどうですか 👩‍👩‍👧 e\u{301}",
        "\r\nWhat\u{85}is\u{2028}this\u{A0}thing?",
        String(repeating: "x", count: 30_000), String(repeating: "много слов ", count: 3000),
        "a" + String(repeating: "\u{301}", count: 5000),
    ])
    func `any question gets plain text of moderate length`(question: String) async throws {
        let text = try await text(question)
        #expect(text.contains("built-in demo agent"))
        #expect(text.utf8.count < 6000)
        let controls = text.unicodeScalars.filter { $0.properties.generalCategory == .control }
        #expect(controls.isEmpty)
        #expect(text.split(separator: " ", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty })
    }

    @Test func `the number of tokens can be fixed, and the sentences are cut or repeated`() async throws {
        let whole = try await text("Why is the sky blue?").split(separator: " ")
        for count in [1, 2, whole.count - 1, whole.count, whole.count + 1, 3 * whole.count + 5] {
            let words = try await text("Why is the sky blue?", options: DemoOptions(tokens: count, rate: 0))
                .split(separator: " ", omittingEmptySubsequences: false)
            #expect(words == (0..<count).map { whole[$0 % whole.count] })
        }
    }

    // MARK: Pace

    @Test func `the first token comes at once and the others on an absolute schedule`() throws {
        let clock = ManualClock()
        let start = clock.monotonicNanoseconds
        var deadlines: [Int64] = []
        let agent = DemoAgent(options: DemoOptions(tokens: 5, rate: 10))
        _ = try pieces(answer(agent, prompt("Hi"), clock), clock, deadlines: &deadlines)
        #expect(deadlines == (1...4).map { start + $0 * Self.second / 10 })
    }

    @Test func `the schedule begins with the first pull, not with the answer's making`() throws {
        let clock = ManualClock()
        let answer = answer(DemoAgent(options: DemoOptions(tokens: 2, rate: 1)), prompt("Hi"), clock)
        clock.advance(by: 7 * Self.second)
        let start = clock.monotonicNanoseconds
        var deadlines: [Int64] = []
        _ = try pieces(answer, clock, deadlines: &deadlines)
        #expect(deadlines == [start + Self.second])
    }

    @Test func `falling behind does not stretch the schedule`() throws {
        let clock = ManualClock()
        let start = clock.monotonicNanoseconds
        let answer = answer(DemoAgent(options: DemoOptions(tokens: 8, rate: 10)), prompt("Hi"), clock)
        var piece: [UInt8] = []
        #expect(try answer.next(appendingTo: &piece) == .piece)
        clock.advance(by: 55 * Self.second / 100)
        var deadlines: [Int64] = []
        _ = try pieces(answer, clock, deadlines: &deadlines)
        #expect(deadlines == [start + 6 * Self.second / 10, start + 7 * Self.second / 10])
    }

    @Test func `unpaced answers never wait`() throws {
        let clock = ManualClock()
        var deadlines: [Int64] = []
        let agent = DemoAgent(options: DemoOptions(tokens: 10_000, rate: 0))
        #expect(try pieces(answer(agent, prompt("Hi"), clock), clock, deadlines: &deadlines).count == 10_000)
        #expect(deadlines.isEmpty)
    }

    @Test(arguments: [1e-300, 1e-12, 100_000]) func `extreme rates keep the schedule in order`(rate: Double) throws {
        let clock = ManualClock()
        var deadlines: [Int64] = []
        let answer = answer(DemoAgent(options: DemoOptions(tokens: 4, rate: rate)), prompt("Hi"), clock)
        #expect(try pieces(answer, clock, deadlines: &deadlines).count == 4)
        #expect(deadlines == deadlines.sorted())
    }

    @Test func `what was not given is not counted`() throws {
        let answer = answer(DemoAgent(options: DemoOptions(rate: 1)), prompt("Hi"))
        var piece: [UInt8] = []
        #expect(try answer.next(appendingTo: &piece) == .piece)
        let first = piece
        guard case .waiting = try answer.next(appendingTo: &piece) else {
            Issue.record("the second word is due a second later")
            return
        }
        #expect(piece == first)
        #expect(answer.metadata["tokens_used"] == 1)
    }

    // MARK: Overrides

    @Test func `a request sets tokens, rate and timestamps, which are those of the schedule`() async throws {
        let clock = ManualClock()
        let start = clock.monotonicNanoseconds
        let demo: JSONValue = ["tokens": 3, "rate": 2.5, "timestamps": true, "colour": "red"]
        let answer = answer(DemoAgent(), prompt("Why?", demo: demo), clock)
        var first: [UInt8] = []
        #expect(try answer.next(appendingTo: &first) == .piece)
        // A token that is late tells when it was due.
        clock.advance(by: Self.second / 2)
        let pieces = [String(decoding: first, as: UTF8.self)] + (try pieces(answer, clock))
        #expect(pieces.count == 3)
        let plain = try await text("Why?", options: DemoOptions(tokens: 3, rate: 0)).split(separator: " ")
        for (index, piece) in pieces.enumerated() {
            let time = start + ManualClock.realTimeOffset + Int64(index) * 2 * Self.second / 5
            #expect(piece == "t=\(time) \(plain[index])" + (index < 2 ? " " : ""))
        }
    }

    @Test func `an override leaves what it does not name`() throws {
        let options = DemoOptions(tokens: 7, rate: 3, timestamps: true)
        #expect(try options.overridden(by: nil) == options)
        #expect(try options.overridden(by: .null) == options)
        #expect(try options.overridden(by: [:]) == options)
        #expect(
            try options.overridden(by: ["rate": nil, "tokens": 8]) == DemoOptions(tokens: 8, rate: 3, timestamps: true)
        )
        #expect(try options.overridden(by: ["tokens": 1e3]).tokens == 1000)
        let extremes = try options.overridden(by: ["tokens": 1_000_000, "rate": 100_000, "timestamps": false])
        #expect(extremes == DemoOptions(tokens: 1_000_000, rate: 100_000))
        #expect(try options.overridden(by: ["tokens": 0, "rate": 0]) == DemoOptions(rate: 0, timestamps: true))
    }

    @Test func `all faults of an override are told at once and in place`() {
        let context: JSONObject = ["demo": ["tokens": 1.5, "rate": 100_001, "timestamps": "yes"]]
        let faults = DemoAgent().faults(in: context)
        #expect(
            faults == [
                ContextFault(
                    type: "int_from_float",
                    path: ["demo", "tokens"],
                    message: "Input should be a valid integer, got a number with a fractional part",
                    input: 1.5
                ),
                ContextFault(
                    type: "less_than_equal",
                    path: ["demo", "rate"],
                    message: "Input should be less than or equal to 100000",
                    input: 100_001
                ),
                ContextFault(
                    type: "bool_type",
                    path: ["demo", "timestamps"],
                    message: "Input should be a valid boolean",
                    input: "yes"
                ),
            ]
        )
    }

    @Test(
        arguments: [
            (["tokens": -1], "greater_than_equal"), (["tokens": 1_000_001], "less_than_equal"),
            (["tokens": "5"], "int_type"),
            (["tokens": true], "int_type"), (["tokens": 1e300], "less_than_equal"),
            (["rate": -0.1], "greater_than_equal"),
            (["rate": []], "float_type"), (["timestamps": 1], "bool_type"), ([], "dict_type"), ("fast", "dict_type"),
        ] as [(JSONValue, String)]
    )
    func `a faulty override is refused`(demo: JSONValue, type: String) async throws {
        #expect(DemoAgent().faults(in: ["demo": demo]).map(\.type) == [type])
        let answer = answer(DemoAgent(), prompt("Hi", demo: demo))
        let error = #expect(throws: AgentError.self) {
            var piece: [UInt8] = []
            _ = try answer.next(appendingTo: &piece)
        }
        #expect(error?.code == .rejected)
    }

    @Test func `a context without demo has no faults`() {
        #expect(DemoAgent().faults(in: [:]).isEmpty)
        #expect(DemoAgent().faults(in: ["demo": nil, "page": "home"]).isEmpty)
    }
}
