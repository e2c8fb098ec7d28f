/// A piece of a log's memory. Bytes are written once, by the log, behind all that readers know of, and then stay.
///
/// `@unchecked Sendable`: a reader touches only bytes below the log's end, which it learnt under the log's lock after
/// they were written; nobody writes those again, and the memory lives as long as the log.
final class LogSegment: @unchecked Sendable {
    /// Where in the log the segment begins.
    let start: Int
    private let memory: UnsafeMutableRawBufferPointer

    init(start: Int, capacity: Int) {
        self.start = start
        memory = .allocate(byteCount: capacity, alignment: 1)
    }

    deinit { memory.deallocate() }

    var capacity: Int { memory.count }

    /// Writes at the offset `place` of the log. To be called by the log, under its lock.
    func write(_ bytes: [UInt8], at place: Int) {
        precondition(place >= start && place - start + bytes.count <= memory.count)
        let target = UnsafeMutableRawBufferPointer(rebasing: memory[(place - start)...])
        bytes.withUnsafeBytes { target.copyMemory(from: $0) }
    }

    /// A view over the bytes in that part of the log.
    func view(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: memory[(range.lowerBound - start)..<(range.upperBound - start)])
    }
}
