import CSystem

/// Where something lies that will be used soon. With thousands of streams hardly anything that an event touches is in the
/// processor's cache; asked for ahead, for many streams at once, it comes while the processor does other things.
///
/// An address and no reference: it is never followed, so that it may outlive what it points at, and costs no reference counting.
package struct CacheHint: Sendable {
    /// The address, but for its lowest three bits: they are the number of cache lines of 64 bytes, from there on.
    private var bits: UInt = 0

    /// Nothing.
    package init() {}

    /// - Parameter lines: at most 7.
    package init(_ object: AnyObject, lines: Int) {
        self.init(UnsafeRawPointer(Unmanaged.passUnretained(object).toOpaque()), lines: lines)
    }

    package init(_ pointer: UnsafeRawPointer?, lines: Int) {
        bits = UInt(bitPattern: pointer) & ~7 | UInt(lines)
    }

    /// Where an array's reference count, count and capacity lie, which are before its first element.
    package init(headOf array: [some Any], lines: Int) {
        self.init(array.withUnsafeBytes { $0.baseAddress.map { $0 - 24 } }, lines: lines)
    }

    /// Where an array's element of that index is.
    package init<Element>(element index: Int, of array: [Element], lines: Int) {
        let offset = index * MemoryLayout<Element>.stride
        self.init(array.withUnsafeBytes { $0.baseAddress.map { $0 + offset } }, lines: lines)
    }

    /// Where an array's last element is, and the next one will be.
    package init(endOf array: [some Any], lines: Int) {
        self.init(
            array.withUnsafeBytes { bytes in bytes.baseAddress.map { $0 + max(0, bytes.count - 8) } },
            lines: lines
        )
    }

    package func prefetch() { cs_prefetch(bits & ~7, Int32(truncatingIfNeeded: bits & 7)) }
}

/// Some of them, in one place.
package struct CacheHints: Sendable {
    private var hints = InlineArray<16, CacheHint>(repeating: CacheHint())
    private var count = 0

    package init() {}

    /// What does not fit is left out.
    package mutating func add(_ hint: CacheHint) {
        guard count < hints.count else { return }
        hints[count] = hint
        count += 1
    }

    package mutating func replaceFirst(with hint: CacheHint) { hints[0] = hint }

    package func prefetch() {
        for index in 0..<count { hints[index].prefetch() }
    }
}
