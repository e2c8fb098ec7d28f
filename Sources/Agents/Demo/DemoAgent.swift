import Primitives

/// An agent that needs no model: it answers in plain sentences that take up words of the question.
///
/// The same question always gets the same answer. A request may set the pace and the length by `demo` in its `context`;
/// see `DemoOptions`.
package struct DemoAgent: Agent {
    package let name = "assistant"
    package let summary = "The built-in demo agent: answers in plain sentences, without a language model"

    private let options: DemoOptions

    /// - Parameter options: what holds where a request says nothing else.
    package init(options: DemoOptions = DemoOptions()) {
        self.options = options
    }

    package func faults(in requestContext: JSONObject) -> [ContextFault] {
        do throws(DemoOptions.Faults) {
            _ = try options.overridden(by: requestContext[DemoOptions.contextKey])
            return []
        } catch {
            return error.faults
        }
    }

    package var contextSchema: JSONObject {
        let members: JSONObject = [DemoOptions.contextKey: .object(DemoOptions.schema)]
        return ["type": "object", "properties": .object(members)]
    }

    /// An override with faults, which `faults(in:)` would have told, ends the answer with `AGENT_REJECTED` on the first `next`.
    package func answer(
        _ prompt: AgentPrompt,
        clock: any AgentClock,
        wake: @escaping @Sendable () -> Void
    ) -> any AgentAnswer {
        let text = DemoText.sentences(about: prompt.question)
        do throws(DemoOptions.Faults) {
            let options = try options.overridden(by: prompt.requestContext[DemoOptions.contextKey])
            return DemoAnswer(text: text, options: options, clock: clock)
        } catch {
            let places = error.faults.map { $0.path.joined(separator: ".") }
            let message = "The request's context is not valid: \(places.joined(separator: ", "))"
            return RejectedAnswer(error: AgentError(.rejected, message))
        }
    }
}
