import Redis

/// The one command that tells the entries of many streams.
struct AppendCommand {
    private(set) var keys: [RedisArgument]
    private(set) var arguments: [RedisArgument]
    private(set) var byteCount = 0
    let until: Int64

    /// - Parameter until: until when it may be done, in milliseconds by Redis's clock; 0: whenever.
    init(instanceID: String, token: Int, until: Int64 = 0) {
        self.until = until
        keys = [.text("instance:\(instanceID)")]
        arguments = [.integer(token), .integer(Int(until))]
    }

    /// - Parameter time: how long the stream is kept from now on, in milliseconds; 0: as before.
    mutating func add(_ entry: StreamEntry, of streamID: String, begins: Bool = false, keptFor time: Int) {
        let bytes = entry.encoded
        keys.append(.text("stream:\(streamID)"))
        keys.append(.text("events:\(streamID)"))
        arguments.append(.integer(time))
        arguments.append(begins ? 1 : 0)
        arguments.append(.bytes(bytes))
        byteCount += bytes.count
    }
}
