import Agents
import Primitives
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct OpenAIAnswerTests {
    @Test func `an answer comes piece by piece, and tells what it took`() async throws {
        try await TestModel.run { model in
            let answer = await model.answer("Why is the sky blue?")
            #expect(await answer.next() == .waiting(until: model.time(in: 30)))
            let peer = try model.server.accept()
            let request = try peer.request()
            #expect(request.head.hasPrefix("POST /v1/chat/completions HTTP/1.1\r\n"))
            #expect(request.field("Authorization") == "Bearer sk-secret")
            #expect(request.field("Content-Type") == "application/json")
            #expect(request.field("Accept")?.contains("text/event-stream") == true)
            let json = try JSONParser.parse(request.body).objectValue
            #expect(json?["messages"] == [["role": "user", "content": "Why is the sky blue?"]])
            try peer.sendHead()
            for text in ["Be", "cause ", "día"] {
                try peer.sendText(text)
                #expect(await answer.nextThing() == .piece(text))
            }
            try peer.sendFinish()
            let usage = #""usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}"#
            try peer.sendEvent(#"{"choices":[],\#(usage)}"#)
            try peer.sendDone()
            #expect(await answer.all() == [.ended])
            let expected: JSONObject = [
                "model": "m-2", "tokens_used": 8, "prompt_tokens": 5, "completion_tokens": 3, "finish_reason": "stop",
            ]
            #expect(await answer.metadata() == expected)
        }
    }

    @Test func `an answer that comes as one object is one piece`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.respond(
                type: "application/json",
                #"{"model":"m-3","choices":[{"message":{"content":"All."},"finish_reason":"stop"}]}"#
            )
            #expect(await answer.all() == [.piece("All."), .ended])
            #expect(await answer.metadata() == ["model": "m-3", "finish_reason": "stop"])
        }
    }

    @Test func `what a chunk brings is told in the order of its making: thought, text, calls`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.sendHead()
            let calls = #"[{"index":0,"id":"a"},{"index":1,"id":"b"}]"#
            try peer.sendEvent(
                #"{"choices":[{"delta":{"content":"Text","reasoning":"Hm.","tool_calls":\#(calls)},"finish_reason":"tool_calls"}]}"#
            )
            try peer.sendDone()
            #expect(
                await answer.all() == [
                    .event(.reasoning("Hm.")), .piece("Text"), .event(.toolCall(["index": 0, "id": "a"])),
                    .event(.toolCall(["index": 1, "id": "b"])), .ended,
                ]
            )
        }
    }

    @Test func `calls of tools alone are an answer, and thoughts alone where the model has come to its limit`()
        async throws
    {
        try await TestModel.run { model in
            let (calling, first) = try await model.ask()
            try first.sendHead()
            try first.sendEvent(#"{"choices":[{"delta":{"tool_calls":[{"index":0}]},"finish_reason":"tool_calls"}]}"#)
            try first.sendDone()
            #expect(await calling.all() == [.event(.toolCall(["index": 0])), .ended])

            let thinking = await model.answer()
            #expect(await thinking.next() == .waiting(until: model.time(in: 30)))
            _ = try first.request()
            try first.sendHead()
            try first.sendEvent(#"{"choices":[{"delta":{"reasoning":"Hm."},"finish_reason":"length"}]}"#)
            try first.sendDone()
            #expect(await thinking.all() == [.event(.reasoning("Hm.")), .ended])

            let silent = await model.answer()
            #expect(await silent.next() == .waiting(until: model.time(in: 30)))
            _ = try first.request()
            try first.sendHead()
            try first.sendEvent(#"{"choices":[{"delta":{"reasoning":"Hm."},"finish_reason":"stop"}]}"#)
            try first.sendDone()
            let steps = await silent.all()
            #expect(steps.count == 2 && steps.first == .event(.reasoning("Hm.")))
            let error = steps.last?.error
            #expect(error?.code == .protocolViolation && error?.detail == "finish_reason: stop")
        }
    }

    @Test func `a connection is used again for the next answer`() async throws {
        try await TestModel.run { model in
            let (first, peer) = try await model.ask()
            for answer in [first, await model.answer(), await model.answer()] {
                if answer !== first {
                    #expect(await answer.next() == .waiting(until: model.time(in: 30)))
                    _ = try peer.request()
                }
                try peer.sendHead()
                try peer.sendText("x")
                try peer.sendFinish()
                try peer.sendDone()
                #expect(await answer.all() == [.piece("x"), .ended])
                await model.settle()
            }
            #expect(!model.server.hasConnection)
        }
    }

    // MARK: Ends

    @Test func `a cut behind the finish_reason is an end`() async throws {
        try await TestModel.run { model in
            for end in [{ $0.close() }, { $0.reset() }] as [@Sendable (LoopbackPeer) -> Void] {
                let (answer, peer) = try await model.ask()
                try peer.sendHead()
                try peer.sendText("All.")
                #expect(await answer.nextThing() == .piece("All."))
                try peer.sendFinish("length")
                // It has come before the cut.
                #expect(await answer.nextAfterWake() == .waiting(until: model.time(in: 30)))
                end(peer)
                #expect(await answer.all() == [.ended])
                #expect(await answer.metadata()["finish_reason"] == "length")
            }
            #expect(model.upstream.health.circuit == .closed)
        }
    }

    @Test func `a response may end behind the finish_reason, and the last event may lack its end`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.sendHead()
            try peer.sendText("All.")
            try peer.sendChunk(#"data: {"choices":[{"delta":{"content":" Yes."},"finish_reason":"stop"}]}"#)
            try peer.sendLastChunk()
            #expect(await answer.all() == [.piece("All."), .piece(" Yes."), .ended])
        }
    }

    @Test func `a response that ends before the answer does is cut, and what was shown is not asked for again`()
        async throws
    {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.sendHead()
            try peer.sendText("So far")
            try peer.sendLastChunk()
            let steps = await answer.all()
            #expect(steps.count == 2 && steps.first == .piece("So far"))
            let error = steps.last?.error
            #expect(error?.code == .unavailable && error?.detail.contains("finish_reason") == true)
            #expect(!model.server.hasConnection && model.agent.health?.retries == 0)
        }
    }

    @Test func `garbage behind what was shown ends the answer`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.sendHead()
            try peer.sendText("So far")
            try peer.sendEvent("{not JSON of sk-secret}")
            let steps = await answer.all()
            #expect(steps.first == .piece("So far"))
            let error = steps.last?.error
            #expect(error?.code == .protocolViolation && error?.detail.contains("sk-secret") == false)
            // Nothing more is wanted of it.
            #expect(peer.hasEnded)
        }
    }

    // MARK: Letting go

    @Test func `to let go of an answer closes its connection at once, and gives its place back`() async throws {
        try await TestModel.run { model in
            for part in 0..<3 {
                let (answer, peer) = try await model.ask()
                #expect(model.upstream.health.running == 1)
                if part > 0 { try peer.sendHead() }
                if part > 1 {
                    try peer.sendText("So far")
                    #expect(await answer.nextThing() == .piece("So far"))
                }
                await answer.letGo()
                #expect(peer.hasEnded, "part \(part)")
                #expect(model.upstream.health.running == 0)
            }
            #expect(model.upstream.health.circuit == .closed)
        }
    }

    @Test func `an answer that was never asked for asks nobody`() async throws {
        try await TestModel.run { model in
            let answer = await model.answer()
            #expect(model.upstream.health.running == 0)
            await answer.letGo()
            #expect(!model.server.hasConnection)
        }
    }

    @Test func `place and connection are free as soon as the answer is at its end`() async throws {
        try await TestModel.run { model in
            let (answer, peer) = try await model.ask()
            try peer.sendHead()
            try peer.sendText("x")
            try peer.sendFinish()
            try peer.sendEvent("[DONE]")
            #expect(await answer.all() == [.piece("x"), .ended])
            #expect(model.upstream.health.running == 0)
            await answer.letGo()
            // The response may come to its end by itself.
            #expect(!peer.hasEnded)
            try peer.sendLastChunk()
            await model.settle()
            let next = await model.answer()
            #expect(await next.next() == .waiting(until: model.time(in: 30)))
            _ = try peer.request()
            #expect(!model.server.hasConnection)
        }
    }
}
