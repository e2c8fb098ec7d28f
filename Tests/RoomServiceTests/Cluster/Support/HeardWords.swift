import HTTPServer

/// What was published on a channel, in order. `@unchecked Sendable`: `words` is confined to the loop.
final class HeardWords: @unchecked Sendable {
    let loop: EventLoop
    var words: [[UInt8]] = []

    init(loop: EventLoop) {
        self.loop = loop
    }

    var raw: [[UInt8]] {
        get async { await Task(executorPreference: loop) { self.words }.value }
    }

    var all: [String] {
        get async { await raw.map { String(decoding: $0, as: UTF8.self) } }
    }
}
