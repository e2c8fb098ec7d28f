/// A few write buffers that a loop's connections take turns with, so that an idle connection holds none.
struct BufferPool {
    private var buffers: [[UInt8]] = []

    /// Buffers that grew larger than this, in bytes, are let go.
    private static let largest = 65_536
    private static let most = 16

    mutating func take() -> [UInt8] {
        buffers.popLast() ?? []
    }

    mutating func give(_ buffer: inout [UInt8]) {
        if buffer.capacity > 0, buffer.capacity <= Self.largest, buffers.count < Self.most {
            buffer.removeAll(keepingCapacity: true)
            buffers.append(buffer)
        }
        buffer = []
    }
}
