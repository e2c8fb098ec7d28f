/// Where log lines go.
protocol LogSink: Sendable {
    /// Takes one line, its end included. Never waits for whoever reads the lines.
    func write(_ line: [UInt8])

    /// How many lines were lost since the start, as nobody took them in time.
    var droppedLines: Int { get }

    /// Waits until all lines so far have left, for about a second at most. For the end of the process.
    func flush()
}

extension LogSink {
    var droppedLines: Int { 0 }
    func flush() {}
}
