import Agents
import Primitives
import Testing

struct AgentRegistryTests {
    private struct NamedAgent: Agent {
        var name: String
        var summary: String { "" }

        func answer(
            _ prompt: AgentPrompt,
            clock: any AgentClock,
            wake: @escaping @Sendable () -> Void
        ) -> any AgentAnswer {
            DemoAgent().answer(prompt, clock: clock, wake: wake)
        }
    }

    private let registry = AgentRegistry(
        default: DemoAgent(),
        others: [NamedAgent(name: "planner"), NamedAgent(name: "critic")]
    )

    @Test func `an agent that is named is taken, whatever room and session say`() {
        for name in ["assistant", "planner", "critic"] {
            let agent = registry.agent(for: name, roomInitialAgent: "critic", sessionActiveAgent: "planner")
            #expect(agent?.name == name)
        }
    }

    @Test func `an unknown agent that is named is refused`() {
        for name in ["nobody", "", "Auto", "ASSISTANT"] {
            #expect(registry.agent(for: name, roomInitialAgent: "critic", sessionActiveAgent: "planner") == nil)
        }
    }

    @Test(
        arguments: [
            ("critic", "planner", "critic"), (nil, "planner", "planner"), ("gone", "planner", "planner"),
            ("gone", "gone", "assistant"), ("auto", nil, "assistant"), (nil, nil, "assistant"),
            ("gone", nil, "assistant"),
        ] as [(String?, String?, String)]
    )
    func `auto takes the room's agent, then the session's, then the default`(
        room: String?,
        session: String?,
        expected: String
    ) {
        let agent = registry.agent(for: "auto", roomInitialAgent: room, sessionActiveAgent: session)
        #expect(agent?.name == expected)
    }

    @Test func `all agents are listed, the default first`() {
        #expect(registry.agents.map(\.name) == ["assistant", "planner", "critic"])
        #expect(registry.defaultAgent.name == "assistant")
        #expect(registry["critic"]?.name == "critic")
        #expect(registry["auto"] == nil)
    }
}
