import HTTPServer
import Primitives
import Redis

/// What instances tell each other directly: to stop a stream, and that it has been done.
///
/// `@unchecked Sendable`: confined to `loop`, but for `ask`, `announce` and `tell`, which go there.
final class InstanceMessages: @unchecked Sendable {
    enum Message: Equatable {
        /// To stop a stream, and to answer with `stopped`.
        case stop(streamID: String, from: String, request: Int)
        /// Nil: there was nothing to stop.
        case stopped(request: Int, answer: String?)
        /// A stopped stream is silent at one of its followers.
        case sealed(request: Int)
        /// A room has been deleted.
        case roomDeleted(String)
        /// A session has.
        case sessionDeleted(String)
        /// The history of a session has.
        case historyDeleted(String)
    }

    let instanceID: String
    private let loop: EventLoop
    private let client: RedisClient
    private let tasks: LoopTasks
    private var lastRequest = 0
    private var waiting: [Int: Waiting] = [:]

    /// The channel on which all instances listen.
    private static let everybody = "instances:all"

    private struct Waiting {
        /// How many replies are still to come.
        var count: Int
        var reply: Message?
        let continuation: CheckedContinuation<Answer, Never>
    }

    init(instanceID: String, loop: EventLoop, client: RedisClient, tasks: LoopTasks) {
        self.instanceID = instanceID
        self.loop = loop
        self.client = client
        self.tasks = tasks
    }

    static func channel(of instanceID: String) -> String { "instance:\(instanceID)" }

    /// Listens from now on.
    func start(_ subscriber: RedisSubscriber, handle: @escaping @Sendable (Message) async -> Void) {
        for channel in [Self.channel(of: instanceID), Self.everybody] {
            _ = subscriber.subscribe(channel) { [weak self] event in
                guard let self, case .message(let bytes) = event, let message = Message(bytes) else { return }
                hear(message, handle)
            }
        }
    }

    private func hear(_ message: Message, _ handle: @escaping @Sendable (Message) async -> Void) {
        switch message {
        case .stopped(let request, _), .sealed(let request): receive(message, request)
        case .stop, .roomDeleted, .sessionDeleted, .historyDeleted: tasks.run { await handle(message) }
        }
    }

    private func receive(_ message: Message, _ request: Int) {
        guard var waiting = waiting[request] else { return }
        waiting.count -= 1
        waiting.reply = message
        self.waiting[request] = waiting
        if waiting.count <= 0 { finish(request) }
    }

    private func finish(_ request: Int) {
        guard let waiting = waiting.removeValue(forKey: request) else { return }
        waiting.continuation.resume(returning: waiting.count <= 0 ? .complete(waiting.reply) : .incomplete)
    }

    // MARK: Telling

    /// Tells one instance something; nobody hears of it when it is not there.
    func tell(_ instanceID: String, _ message: Message) {
        loop.execute { [self] in publish(Self.channel(of: instanceID), message.encoded) }
    }

    func announce(_ message: Message) {
        loop.execute { [self] in publish(Self.everybody, message.encoded) }
    }

    private func publish(_ channel: String, _ bytes: [UInt8]) {
        client.send(["PUBLISH", .text(channel), .bytes(bytes)]) { _ in }
    }

    // MARK: Asking

    /// What has come of a request.
    enum Answer {
        /// All replies have come, and this is the last one; nil: there were none to come.
        case complete(Message?)
        case incomplete
    }

    /// Asks for replies: `send` is given the number of the request, and says how many are to come; nil: it could not be sent.
    ///
    /// - Returns: what has come within `limit` nanoseconds.
    func ask(
        within limit: Int64,
        _ send: @escaping @Sendable (_ request: Int, _ client: RedisClient) async -> Int?
    ) async -> Answer {
        await Task(executorPreference: loop) { await self.askOnLoop(limit, send) }.value
    }

    private func askOnLoop(
        _ limit: Int64,
        _ send: @escaping @Sendable (Int, RedisClient) async -> Int?
    ) async -> Answer {
        lastRequest += 1
        let request = lastRequest
        let timer = Task(executorPreference: loop) {
            guard (try? await self.loop.sleep(until: self.loop.now + limit)) != nil else { return }
            self.finish(request)
        }
        let answer = await withCheckedContinuation { continuation in
            // More than can come: replies that are faster than the number of those to come are counted.
            waiting[request] = Waiting(count: Self.unknown, continuation: continuation)
            tasks.run {
                let count = await send(request, self.client)
                if let count { self.expect(count, of: request) } else { self.finish(request) }
            }
        }
        timer.cancel()
        await timer.value
        return answer
    }

    private static let unknown = 1 << 30

    private func expect(_ count: Int, of request: Int) {
        guard var waiting = waiting[request] else { return }
        waiting.count += count - Self.unknown
        self.waiting[request] = waiting
        if waiting.count <= 0 { finish(request) }
    }
}

extension InstanceMessages.Message {
    var encoded: [UInt8] {
        let json: JSONObject =
            switch self {
            case .stop(let id, let from, let request):
                ["stop": .string(id), "from": .string(from), "request": .integer(Int64(request))]
            case .stopped(let request, let answer):
                ["stopped": .integer(Int64(request)), "answer": answer.map(JSONValue.string) ?? .null]
            case .sealed(let request): ["sealed": .integer(Int64(request))]
            case .roomDeleted(let id): ["room_deleted": .string(id)]
            case .sessionDeleted(let id): ["session_deleted": .string(id)]
            case .historyDeleted(let id): ["history_deleted": .string(id)]
            }
        return JSONValue.object(json).encoded
    }

    /// - Returns: nil for what is no message.
    init?(_ bytes: [UInt8]) {
        guard let json = (try? JSONParser.parse(bytes))?.objectValue else { return nil }
        if let id = json["stop"]?.stringValue, let from = json["from"]?.stringValue,
            let request = json["request"]?.integerValue
        {
            self = .stop(streamID: id, from: from, request: Int(request))
        } else if let request = json["stopped"]?.integerValue {
            self = .stopped(request: Int(request), answer: json["answer"]?.stringValue)
        } else if let request = json["sealed"]?.integerValue {
            self = .sealed(request: Int(request))
        } else if let id = json["room_deleted"]?.stringValue {
            self = .roomDeleted(id)
        } else if let id = json["session_deleted"]?.stringValue {
            self = .sessionDeleted(id)
        } else if let id = json["history_deleted"]?.stringValue {
            self = .historyDeleted(id)
        } else {
            return nil
        }
    }
}
