import Agents
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct OpenAIAnswerTimeTests {
    private func expectTimeout(_ step: TestAnswer.Step, _ detail: String) {
        #expect(step.error?.code == .timeout && step.error?.detail == detail, "\(step)")
    }

    @Test func `a first token must come in time`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            model.advance(by: 29.999)
            #expect(await answer.next() == .waiting(until: model.time(in: 0.001)))
            model.advance(by: 0.001)
            expectTimeout(await answer.next(), "no first token within 30 s")
            // It is not asked again, as it may still be at work.
            #expect(peer.hasEnded && !model.server.hasConnection)
        }
    }

    @Test func `comments, roles and empty texts are no first token`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            let deadline = model.time(in: 30)
            try peer.sendHead()
            let signs = [
                ": PROCESSING\n\n", #"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}"# + "\n\n",
                #"data: {"choices":[{"delta":{"content":""}}]}"# + "\n\n", "data: {}\n\n", "\n",
            ]
            for sign in signs {
                model.advance(by: 5)
                try peer.sendChunk(sign)
                #expect(await answer.nextAfterWake() == .waiting(until: deadline))
            }
            model.advance(by: 5)
            expectTimeout(await answer.next(), "no first token within 30 s")
        }
    }

    @Test func `a thought is a first token`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.sendHead()
            model.advance(by: 20)
            try peer.sendEvent(#"{"choices":[{"delta":{"reasoning_content":"Hm."}}]}"#)
            #expect(await answer.nextThing() == .event(.reasoning("Hm.")))
            #expect(await answer.next() == .waiting(until: model.time(in: 30)))
        }
    }

    @Test func `an answer that comes to a halt is given up, what was shown notwithstanding`() async throws {
        try await TestModel.run(set: { options, _ in options.timeouts.stall = 7 * TestModel.second }) { model in
            let (answer, peer) = try await model.ask()
            try peer.sendHead()
            for text in ["a", "b", "c"] {
                model.advance(by: 6)
                try peer.sendText(text)
                #expect(await answer.nextThing() == .piece(text))
                #expect(await answer.next() == .waiting(until: model.time(in: 7)))
            }
            model.advance(by: 7)
            expectTimeout(await answer.next(), "nothing more within 7 s")
            #expect(peer.hasEnded)
        }
    }

    @Test func `comments tell that an answer goes on`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.sendHead()
            try peer.sendText("a")
            #expect(await answer.nextThing() == .piece("a"))
            for _ in 0..<5 {
                let before = model.time(in: 30)
                #expect(await answer.nextChange(from: 0) == .waiting(until: before))
                model.advance(by: 29)
                try peer.sendChunk(": ping\n\n")
                #expect(await answer.nextChange(from: before) == .waiting(until: model.time(in: 30)))
            }
            try peer.sendText("b")
            #expect(await answer.nextThing() == .piece("b"))
        }
    }

    @Test func `all of an answer must come in time, however steadily it does`() async throws {
        try await TestModel.run(set: { options, _ in options.timeouts.total = 60 * TestModel.second }) { model in
            let (answer, peer) = try await model.ask()
            let end = model.time(in: 60)
            try peer.sendHead()
            for _ in 0..<5 {
                model.advance(by: 10)
                try peer.sendText("a")
                #expect(await answer.nextThing() == .piece("a"))
            }
            #expect(await answer.next() == .waiting(until: end))
            model.advance(by: 10)
            expectTimeout(await answer.next(), "no end within 60 s")
            #expect(peer.hasEnded)
        }
    }

    @Test func `a finish_reason without an end is one when nothing more comes`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.sendHead()
            try peer.sendText("All.")
            #expect(await answer.nextThing() == .piece("All."))
            try peer.sendFinish()
            #expect(await answer.nextAfterWake() == .waiting(until: model.time(in: 30)))
            model.advance(by: 30)
            #expect(await answer.next() == .ended)
        }
    }

    @Test func `a refusal that does not come to its end is one`() async throws {
        try await TestModel.run(set: { options, _ in options.retries = 0 }) { model in
            let (answer, peer) = try await model.ask()
            try peer.sendHead(status: "429 Slow down", "Retry-After: 7")
            try peer.sendChunk(#"{"error":"#)
            #expect(await answer.nextAfterWake() == .waiting(until: model.time(in: 30)))
            model.advance(by: 30)
            let error = await answer.next().error
            #expect(error?.code == .rateLimited && error?.detail == "status 429")
        }
    }

    @Test func `a deadline that has passed is no reason to leave out what has come`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.sendHead()
            try peer.sendText("a")
            // It is there, and nobody has looked for an hour.
            await model.settle()
            model.advance(by: 3600)
            #expect(await answer.nextThing() == .piece("a"))
        }
    }
}
