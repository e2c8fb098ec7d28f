import Primitives
import Streaming

extension Settings {
    /// What knows the streams, within the limits that are set.
    func tracker(_ time: any TimeSource) -> ActiveStreamTracker {
        ActiveStreamTracker(
            limits: .init(streams: maxStreams, streamsPerUser: maxStreamsPerUser),
            retention: StreamRetention(time: streamRetention.wholeNanoseconds, memory: streamMemory),
            time: time
        )
    }
}
