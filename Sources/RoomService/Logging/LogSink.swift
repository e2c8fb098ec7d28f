/// Where log lines go.
protocol LogSink: Sendable {
    /// Takes one line, its end included.
    func write(_ line: [UInt8])
}
