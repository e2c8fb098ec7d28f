import HTTPClient
import HTTPServer
import Primitives

/// A transfer on its loop, for tests that are not there.
///
/// It is let go of with this.
final class TestTransfer: Sendable {
    /// `@unchecked Sendable`: touched on the loop alone.
    private final class Place: @unchecked Sendable {
        var transfer: HTTPTransfer?
    }

    private let loop: EventLoop
    private let place = Place()
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// What has come of a response, when it was looked at.
    struct State: Sendable {
        var status: Int?
        var contentType = ""
        var retryAfter: Int?
        var end: HTTPTransfer.End?
        var bytes: [UInt8] = []

        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    static func post(_ request: ClientRequest, _ client: HTTPClient, on loop: EventLoop) async -> TestTransfer {
        let transfer = TestTransfer(loop)
        await transfer.start(request, client)
        return transfer
    }

    private init(_ loop: EventLoop) {
        self.loop = loop
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    deinit { loop.execute { [place] in place.transfer = nil } }

    private func start(_ request: ClientRequest, _ client: HTTPClient) async {
        await onLoop { [place, wake] in
            place.transfer = client.post(request) { wake.yield() }
        }
    }

    private func onLoop<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            loop.execute { continuation.resume(returning: body()) }
        }
    }

    /// Looks at it; what has come of the body is left there.
    func look() async -> State { await onLoop { [self] in state } }

    private var state: State {
        guard let transfer = place.transfer else { return State() }
        return State(
            status: transfer.status,
            contentType: transfer.contentType,
            retryAfter: transfer.retryAfter,
            end: transfer.end
        )
    }

    /// Takes what has come of the body by now.
    func take() async -> State {
        await onLoop { [self] in
            var state = self.state
            place.transfer?.takeBytes { state.bytes = copy $0 }
            return state
        }
    }

    /// Takes what comes until the text has come to be `isEnough`, or the transfer has ended.
    func take(until isEnough: (State) -> Bool) async -> State {
        var all = State()
        var looks = wakes.makeAsyncIterator()
        while true {
            var next = await take()
            all.bytes += next.bytes
            next.bytes = all.bytes
            all = next
            guard all.end == nil, !isEnough(all) else { return all }
            await looks.next()
        }
    }

    /// The whole response.
    func response() async -> State { await take { _ in false } }

    /// Lets go of it.
    func letGo() async { await onLoop { [place] in place.transfer = nil } }

    /// Lets it come to its end by itself.
    func finish() async {
        await onLoop { [place] in
            place.transfer?.finish()
            place.transfer = nil
        }
    }
}
