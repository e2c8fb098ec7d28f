import Agents
import HTTPClient
import HTTPServer
import Primitives
import TestSupport
import Testing

/// An agent whose model the test plays, with a clock that the test moves.
struct TestModel: Sendable {
    static let second: Int64 = 1_000_000_000

    let server: LoopbackServer
    let agent: OpenAIAgent
    let clock: ManualClock
    let loop: EventLoop

    var upstream: Upstream { agent.upstream }

    static func run(
        set: (inout OpenAIAgentOptions, inout Upstream.Limits) -> Void = { _, _ in },
        _ body: (TestModel) async throws -> Void
    ) async throws {
        let group = try EventLoopGroup(count: 1, time: SystemTimeSource())
        defer { group.stop() }
        let server = try LoopbackServer()
        var options = OpenAIAgentOptions(name: "assistant", summary: "", model: "m-1", systemPrompt: .empty)
        var limits = Upstream.Limits()
        set(&options, &limits)
        let agent = OpenAIAgent(
            options,
            upstream: Upstream(try UpstreamEndpoint(baseURL: server.url + "/v1", key: "sk-secret"), limits: limits),
            client: HTTPClient(group: group),
            random: NoChance()
        )
        try await body(TestModel(server: server, agent: agent, clock: ManualClock(), loop: group.loops[0]))
        // Whatever became of the answers, none of which is left, nobody holds a place.
        await group.loops[0].barrier()
        #expect(agent.upstream.health.running == 0 && agent.upstream.health.waiting == 0)
    }

    /// So that delays are the shortest that can be.
    private struct NoChance: IdentifierGenerator {
        func randomBits() -> (UInt64, UInt64) { (0, 0) }
    }

    func answer(_ question: String = "Why?") async -> TestAnswer {
        let prompt = AgentPrompt(question: question, sessionID: "session_1", userID: "ada", roomID: "room_1")
        return await TestAnswer(agent, prompt, clock: clock, on: loop)
    }

    /// A new answer and the connection on which it asks. The request has come whole.
    func ask() async throws -> (answer: TestAnswer, peer: LoopbackPeer) {
        let answer = await answer()
        #expect(await answer.next() == .waiting(until: clock.monotonicNanoseconds + 30 * Self.second))
        let peer = try server.accept()
        _ = try peer.request()
        return (answer, peer)
    }

    /// When something is due that comes so many seconds from now.
    func time(in seconds: Double) -> Int64 { clock.monotonicNanoseconds + Int64(seconds * Double(Self.second)) }

    func advance(by seconds: Double) { clock.advance(by: Int64(seconds * Double(Self.second))) }
}

extension LoopbackPeer {
    /// An event of a streamed answer.
    func sendEvent(_ data: String) throws { try sendChunk("data: \(data)\n\n") }

    func sendText(_ text: String) throws {
        try sendEvent(#"{"model":"m-2","choices":[{"delta":{"content":"\#(text)"}}]}"#)
    }

    func sendFinish(_ reason: String = "stop") throws {
        try sendEvent(#"{"choices":[{"delta":{},"finish_reason":"\#(reason)"}]}"#)
    }

    func sendDone() throws {
        try sendEvent("[DONE]")
        try sendLastChunk()
    }
}

extension TestModel {
    /// Returns when the loop has handled what had reached its sockets at the call.
    func settle() async {
        for _ in 0..<2 { await loop.barrier() }
    }
}
