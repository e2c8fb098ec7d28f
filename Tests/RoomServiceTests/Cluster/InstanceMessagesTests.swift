import HTTPServer
import Primitives
import Redis
import RedisTestSupport
import Synchronization
import Testing

@testable import RoomService

/// What instances tell and ask each other.
@Suite(.timeLimit(.minutes(1))) struct InstanceMessagesTests {
    /// One who asks, and one who answers as the test says, by a clock that the test moves.
    private struct Pair: Sendable {
        let redis: RedisPeers
        let messages: [InstanceMessages]
        let heard = Heard()

        var asker: InstanceMessages { messages[0] }

        /// Asks the other one to stop a stream.
        func stop(_ streamID: String = "s1", at instance: String = "b") -> Answer {
            let answer = Answer()
            answer.task.withLock { task in
                task = Task { [asker] in
                    let reply = await asker.ask(within: 1_000_000_000) { request, client in
                        let message = InstanceMessages.Message.stop(streamID: streamID, from: "a", request: request)
                        let channel = InstanceMessages.channel(of: instance)
                        let reply = try? await client.send(["PUBLISH", .text(channel), .bytes(message.encoded)])
                        return reply?.integer == 0 ? nil : 1
                    }
                    answer.isThere.raise()
                    guard case .complete(let last) = reply else { return nil }
                    return last
                }
            }
            return answer
        }

        /// The number of the next request that comes.
        func request() async throws -> Int {
            try await wait { heard.has { if case .stop = $0 { true } else { false } } }
            guard case .stop(_, _, let request) = heard.removeFirst() else { throw WaitedInVain() }
            return request
        }
    }

    private final class Heard: Sendable {
        private let messages = Mutex<[InstanceMessages.Message]>([])

        var all: [InstanceMessages.Message] { messages.withLock { $0 } }
        func add(_ message: InstanceMessages.Message) { messages.withLock { $0.append(message) } }
        func has(_ isIt: (InstanceMessages.Message) -> Bool) -> Bool { all.first.map(isIt) ?? false }
        func removeFirst() -> InstanceMessages.Message { messages.withLock { $0.removeFirst() } }
    }

    private final class Answer: Sendable {
        let isThere = Flag()
        let task = Mutex<Task<InstanceMessages.Message?, Never>?>(nil)

        var hasCome: Bool { isThere.isRaised }
        var value: InstanceMessages.Message? {
            get async { await task.withLock { $0 }?.value ?? nil }
        }
    }

    private static func run(_ body: @Sendable (Pair) async throws -> Void) async throws {
        try await RedisPeers.run(time: ManualTimeSource()) { redis in
            let messages = zip(["a", "b"], redis.clients).map { id, client in
                InstanceMessages(instanceID: id, loop: client.loop, client: client, tasks: LoopTasks(on: client.loop))
            }
            let pair = Pair(redis: redis, messages: messages)
            for (one, subscriber) in zip(messages, redis.subscribers) {
                subscriber.loop.execute {
                    one.start(subscriber) { message in if one.instanceID == "b" { pair.heard.add(message) } }
                }
            }
            for channel in ["instance:a", "instance:b", "instances:all"] {
                try await wait {
                    let count = try await redis.ask(["PUBSUB", "NUMSUB", .text(channel)]).array?.last?.integer
                    return count == (channel == "instances:all" ? 2 : 1)
                }
            }
            try await body(pair)
        }
    }

    @Test(
        arguments: [
            .stop(streamID: "s1", from: "a", request: 7), .stopped(request: 7, answer: "So \"far\"\n語"),
            .stopped(request: 7, answer: nil), .sealed(request: 1), .roomDeleted("room_1"),
            .sessionDeleted("session_1"),
        ] as [InstanceMessages.Message]
    )
    func `a message is read as it was written`(message: InstanceMessages.Message) {
        #expect(InstanceMessages.Message(message.encoded) == message)
    }

    @Test(arguments: ["", "{", "[]", "{}", #"{"stop":1}"#, #"{"stop":"s1","from":"a"}"#, #"{"stopped":"x"}"#])
    func `what is no message is none`(text: String) {
        #expect(InstanceMessages.Message(Array(text.utf8)) == nil)
    }

    @Test func `what is told to one or to all is heard, and noise is not`() async throws {
        try await Self.run { pair in
            try await pair.redis.ask(["PUBLISH", "instance:b", "noise"])
            pair.asker.announce(.roomDeleted("r1"))
            pair.asker.tell("nobody", .roomDeleted("r2"))
            pair.asker.tell("b", .sessionDeleted("x"))
            try await wait { pair.heard.all.count == 2 }
            #expect(pair.heard.all == [.roomDeleted("r1"), .sessionDeleted("x")])
        }
    }

    @Test func `a request is answered by whoever it was sent to`() async throws {
        try await Self.run { pair in
            let answer = pair.stop()
            let request = try await pair.request()
            #expect(!answer.hasCome)
            pair.messages[1].tell("a", .stopped(request: request, answer: "so far"))
            #expect(await answer.value == .stopped(request: request, answer: "so far"))
        }
    }

    @Test func `where nobody listens the wait is over at once`() async throws {
        try await Self.run { pair in
            // The clock stands still.
            #expect(await pair.stop(at: "gone").value == nil)
        }
    }

    @Test func `who does not answer is waited for a second, and what comes later is nobody's answer`() async throws {
        try await Self.run { pair in
            let first = pair.stop()
            let request = try await pair.request()
            try await pair.redis.advance(milliseconds: 999)
            #expect(!first.hasCome)
            try await pair.redis.advance(milliseconds: 1)
            #expect(await first.value == nil)

            let second = pair.stop()
            let next = try await pair.request()
            #expect(next != request)
            pair.messages[1].tell("a", .stopped(request: request, answer: "late"))
            pair.messages[1].tell("a", .stopped(request: 77, answer: "to nobody"))
            pair.messages[1].tell("a", .stopped(request: next, answer: "in time"))
            #expect(await second.value == .stopped(request: next, answer: "in time"))
        }
    }

    @Test(arguments: [2, 3])
    func `all who are asked must answer, be it before it is known how many they are`(count: Int) async throws {
        try await Self.run { pair in
            let isSent = Flag()
            let reply = Task {
                await pair.asker.ask(within: 1_000_000_000) { [redis = pair.redis] request, _ in
                    let sealed = InstanceMessages.Message.sealed(request: request)
                    for _ in 0..<count { pair.messages[1].tell("a", sealed) }
                    _ = try? await redis.clients[1].ask(["PING"])
                    isSent.raise()
                    return 3
                }
            }
            try await wait { isSent.isRaised }
            if count < 3 { try await pair.redis.advance(milliseconds: 1000) }
            let isAnswered = if case .complete = await reply.value { true } else { false }
            #expect(isAnswered == (count == 3))
        }
    }

    @Test func `a hundred requests at once have each their own answer`() async throws {
        try await Self.run { pair in
            let answers = (0..<100).map { pair.stop("s\($0)") }
            try await wait { pair.heard.all.count == 100 }
            for message in pair.heard.all.reversed() {
                guard case .stop(let id, _, let request) = message else { continue }
                pair.messages[1].tell("a", .stopped(request: request, answer: id))
            }
            for (number, answer) in answers.enumerated() {
                guard case .stopped(_, let text) = await answer.value else {
                    Issue.record("\(number) has no answer")
                    continue
                }
                #expect(text == "s\(number)")
            }
        }
    }
}
