import Agents
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct OpenAIAnswerRetryTests {
    /// Answers the request that waits on `peer` in full.
    private func answerAll(_ peer: LoopbackPeer) throws {
        try peer.sendHead()
        try peer.sendText("At last.")
        try peer.sendFinish()
        try peer.sendDone()
    }

    @Test func `what fails for the moment is tried again, after pauses that grow`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            for (index, pause) in [0.125, 0.25].enumerated() {
                try peer.respond(status: "503 Busy", "busy")
                let due = model.time(in: pause)
                #expect(await answer.nextChange(from: model.time(in: 30)) == .waiting(until: due))
                model.clock.advance(to: due - 1)
                #expect(await answer.next() == .waiting(until: due))
                model.clock.advance(to: due)
                #expect(await answer.next() == .waiting(until: model.time(in: 30)))
                _ = try peer.request()
                #expect(model.agent.health?.retries == index + 1)
            }
            try answerAll(peer)
            #expect(await answer.all() == [.piece("At last."), .ended])
            #expect(model.upstream.health.circuit == .closed)
        }
    }

    @Test func `it is tried so many times again and no more, and the last failure is told`() async throws {
        try await TestModel.run(set: { options, _ in options.retries = 1 }) { model in
            let (answer, peer) = try await model.ask()
            try peer.respond(status: "503 Busy", "busy")
            #expect(await answer.nextChange(from: model.time(in: 30)) == .waiting(until: model.time(in: 0.125)))
            model.advance(by: 0.125)
            #expect(await answer.next() == .waiting(until: model.time(in: 30)))
            _ = try peer.request()
            try peer.respond(status: "504 Late", "late")
            #expect(await answer.nextThing().error?.detail == "status 504, at try 2")
        }
    }

    @Test func `a connection that is refused, cut or reset is tried again`() async throws {
        try await TestModel.run { model in
            let (answer, first) = try await model.ask()
            first.reset()
            #expect(await answer.nextChange(from: model.time(in: 30)) == .waiting(until: model.time(in: 0.125)))
            model.advance(by: 0.125)
            #expect(await answer.next() == .waiting(until: model.time(in: 30)))
            let second = try model.server.accept()
            _ = try second.request()
            try second.sendHead()
            // Nothing of the answer has come.
            try second.sendEvent(#"{"choices":[{"delta":{"role":"assistant"}}]}"#)
            second.close()
            #expect(await answer.nextChange(from: model.time(in: 30)) == .waiting(until: model.time(in: 0.25)))
            model.advance(by: 0.25)
            #expect(await answer.next() == .waiting(until: model.time(in: 30)))
            let third = try model.server.accept()
            _ = try third.request()
            try answerAll(third)
            #expect(await answer.all() == [.piece("At last."), .ended])
        }
    }

    @Test func `a service says how long it wants to be left alone`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.respond(status: "429 Slow down", "", "Retry-After: 9")
            #expect(await answer.nextChange(from: model.time(in: 30)) == .waiting(until: model.time(in: 9)))
            model.advance(by: 9)
            #expect(await answer.next() == .waiting(until: model.time(in: 30)))
            _ = try peer.request()
            // Nobody would wait for that long.
            try peer.respond(status: "429 Slow down", "", "Retry-After: 11")
            let error = await answer.nextThing().error
            #expect(error?.code == .rateLimited && error?.message.contains("in 11 s") == true)
        }
    }

    @Test(arguments: ["400 Bad", "401 No", "404 None", "422 No", "302 There"])
    func `what will not pass is not tried again`(status: String) async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.respond(status: status, "no")
            #expect(await answer.nextThing().error?.detail == "status \(status.prefix(3))")
            #expect(model.agent.health?.retries == 0)
        }
    }

    @Test func `an error within the answer is tried again as long as nothing was shown`() async throws {
        try await TestModel.run { model in
            let (answer, first) = try await model.ask()
            try first.sendHead()
            try first.sendEvent(#"{"error":{"message":"overloaded","code":"overloaded"}}"#)
            #expect(await answer.nextChange(from: model.time(in: 30)) == .waiting(until: model.time(in: 0.125)))
            #expect(first.hasEnded)
            model.advance(by: 0.125)
            #expect(await answer.next() == .waiting(until: model.time(in: 30)))
            let second = try model.server.accept()
            _ = try second.request()
            try second.sendHead()
            try second.sendText("So far")
            try second.sendEvent(#"{"error":{"message":"overloaded","code":"overloaded"}}"#)
            #expect(await answer.nextThing() == .piece("So far"))
            #expect(await answer.nextThing().error?.detail == "in the answer: overloaded, at try 2")
        }
    }

    @Test func `nothing is tried again that would come too late`() async throws {
        try await TestModel.run(set: { options, _ in options.timeouts.total = 20 * TestModel.second }) { model in
            let answer = await model.answer()
            let end = model.time(in: 20)
            #expect(await answer.next() == .waiting(until: end))
            let peer = try model.server.accept()
            _ = try peer.request()
            model.advance(by: 15)
            try peer.respond(status: "503 Busy", "", "Retry-After: 6")
            #expect(await answer.nextThing().error?.detail == "status 503")
        }
    }

    @Test func `an answer keeps its place while it pauses, and gives it back when it is let go of then`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.respond(status: "503 Busy", "")
            #expect(await answer.nextChange(from: model.time(in: 30)) == .waiting(until: model.time(in: 0.125)))
            #expect(model.upstream.health.running == 1)
            await answer.letGo()
            #expect(model.upstream.health.running == 0)
        }
    }

    // MARK: The breaker and the line

    @Test func `a service that fails on and on is not asked, until a while has passed`() async throws {
        try await TestModel.run(
            set: { options, limits in
                options.retries = 0
                limits.breakerFailures = 3
            }
        ) { model in
            var (answer, peer) = try await model.ask()
            for index in 0..<3 {
                if index > 0 {
                    answer = await model.answer()
                    #expect(await answer.next() == .waiting(until: model.time(in: 30)))
                    _ = try peer.request()
                }
                try peer.respond(status: "500 Broken", "")
                #expect(await answer.nextThing().error?.detail == "status 500")
            }
            #expect(model.upstream.health.circuit == .open)
            answer = await model.answer()
            #expect(await answer.next().error?.detail.contains("not asked") == true)
            model.advance(by: 10)
            answer = await model.answer()
            #expect(await answer.next() == .waiting(until: model.time(in: 30)))
            let other = await model.answer()
            #expect(await other.next().error?.code == .unavailable)
            _ = try peer.request()
            try answerAll(peer)
            #expect(await answer.all() == [.piece("At last."), .ended])
            #expect(model.upstream.health.circuit == .closed)
        }
    }

    @Test func `questions that are refused for themselves do not count against the service`() async throws {
        try await TestModel.run(set: { _, limits in limits.breakerFailures = 1 }) { model in
            let (answer, peer) = try await model.ask()
            try peer.respond(status: "400 Bad", "")
            #expect(await answer.nextThing().error?.code == .rejected)
            #expect(model.upstream.health.circuit == .closed)
        }
    }

    @Test func `who waits for a place gets it when another answer is let go of`() async throws {
        try await TestModel.run(set: { _, limits in (limits.concurrent, limits.waiting) = (1, 1) }) { model in
            let (first, _) = try await model.ask()
            let second = await model.answer()
            #expect(await second.next() == .waiting(until: model.time(in: 30)))
            #expect(model.upstream.health.waiting == 1)
            let third = await model.answer()
            #expect(await third.next().error?.code == .rateLimited)
            model.advance(by: 12)
            await first.letGo()
            #expect(await second.nextAfterWake() == .waiting(until: model.time(in: 30)))
            let peer = try model.server.accept()
            _ = try peer.request()
            try answerAll(peer)
            #expect(await second.all() == [.piece("At last."), .ended])
        }
    }

    @Test func `who waits for a place in vain is told so, and leaves the line`() async throws {
        try await TestModel.run(set: { _, limits in limits.concurrent = 1 }) { model in
            let (first, _) = try await model.ask()
            let second = await model.answer()
            #expect(await second.next() == .waiting(until: model.time(in: 30)))
            model.advance(by: 30)
            #expect(await second.next().error?.code == .rateLimited)
            await second.letGo()
            #expect(model.upstream.health.waiting == 0)
            await first.letGo()
        }
    }
}
