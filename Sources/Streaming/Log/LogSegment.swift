/// A piece of a log's memory, in one allocation. Bytes are written once, by the log, behind all that readers know of, and then stay.
///
/// `@unchecked Sendable`: a reader touches only bytes below the log's end, which it learnt under the log's lock after
/// they were written; nobody writes those again, and the memory lives as long as `owner`.
struct LogSegment: @unchecked Sendable {
    private struct Header {
        let start: Int
        let firstSequence: Int
        let capacity: Int
    }

    private let buffer: ManagedBuffer<Header, UInt8>

    init(start: Int, firstSequence: Int, capacity: Int) {
        buffer = .create(minimumCapacity: capacity) { _ in
            Header(start: start, firstSequence: firstSequence, capacity: capacity)
        }
    }

    /// Where in the log it begins, in bytes.
    var start: Int { buffer.header.start }
    /// The sequence number of its first event.
    var firstSequence: Int { buffer.header.firstSequence }
    var capacity: Int { buffer.header.capacity }
    /// What its memory lives as long as.
    var owner: AnyObject { buffer }

    /// A view over the bytes in that part of the log.
    func view(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= start && range.upperBound - start <= capacity)
        return UnsafeRawBufferPointer(start: memory + (range.lowerBound - start), count: range.count)
    }

    fileprivate var memory: UnsafeMutablePointer<UInt8> {
        buffer.withUnsafeMutablePointerToElements { $0 }
    }
}

/// The part of a log's last segment that nothing has been written to: an append needs to look at nothing else.
///
/// `@unchecked Sendable`: the log has it, under its lock, and the segment too; nobody else writes.
struct LogTail: @unchecked Sendable {
    private var start: UnsafeMutablePointer<UInt8>?
    private(set) var room = 0

    init() {}

    /// All of a new segment.
    init(of segment: LogSegment) {
        start = segment.memory
        room = segment.capacity
    }

    var address: UnsafeRawPointer? { UnsafeRawPointer(start) }

    mutating func write(_ bytes: [UInt8]) {
        precondition(bytes.count <= room)
        bytes.withUnsafeBufferPointer { bytes in
            guard let source = bytes.baseAddress, let target = start else { return }
            target.update(from: source, count: bytes.count)
            start = target + bytes.count
        }
        room -= bytes.count
    }
}
