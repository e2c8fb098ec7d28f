import CSystem
import Glibc
import Synchronization

/// A row of sums that any thread adds to, without a lock and without waiting for others: each thread has its own stripe of the
/// row as long as there are no more threads than stripes, and stripes share no line of the processor's cache.
///
/// `@unchecked Sendable`: the memory holds atomics alone, is there before anybody else knows the object, and goes with it.
final class MetricCells: @unchecked Sendable {
    private let memory: UnsafeMutableRawPointer
    private let cells: UnsafeMutablePointer<Atomic<Int>>
    /// From one stripe to the next, in cells.
    private let stride: Int
    private let mask: Int

    private static let cacheLine = 64
    private static let cellsInLine = cacheLine / MemoryLayout<Atomic<Int>>.stride
    private static let mostStripes = 16
    private static let usualStripes: Int = {
        let cores = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        var stripes = 4
        while stripes < min(cores, mostStripes) { stripes *= 2 }
        return stripes
    }()

    /// - Parameter isShared: whether several threads add at the same time. Otherwise there is one stripe.
    init(count: Int, isShared: Bool) {
        let stripes = isShared ? Self.usualStripes : 1
        stride = (count + Self.cellsInLine - 1) / Self.cellsInLine * Self.cellsInLine
        mask = stripes - 1
        // Zeros, which atomics of 0 are. Of a long row, the system gives memory only where something is counted.
        let byteCount = stride * stripes * MemoryLayout<Atomic<Int>>.stride
        guard let memory = calloc(byteCount + Self.cacheLine, 1) else { preconditionFailure("no memory for metrics") }
        self.memory = memory
        cells = memory.alignedUp(toMultipleOf: Self.cacheLine).bindMemory(
            to: Atomic<Int>.self,
            capacity: stride * stripes
        )
    }

    deinit {
        free(memory)
    }

    /// The place of the calling thread's stripe.
    var stripe: Int { mask == 0 ? 0 : (Int(cs_thread_number()) & mask) * stride }

    func add(_ amount: Int, at index: Int, ofStripe stripe: Int) {
        // `add` would look for an overflow, and so be a loop of comparisons.
        cells[stripe + index].wrappingAdd(amount, ordering: .relaxed)
    }

    func sum(at index: Int) -> Int {
        var sum = 0
        for stripe in 0...mask { sum &+= cells[stripe * stride + index].load(ordering: .relaxed) }
        return sum
    }
}
