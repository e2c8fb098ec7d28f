import Glibc
import Primitives

/// One run of a step, as the store remembers it: `schema_migrations` is a log of all runs, failed ones too.
///
/// A record is written before its step, without an end, and completed afterwards.
package struct MigrationRecord: Sendable, Equatable {
    package enum Direction: String, Sendable {
        case up, down
    }

    /// Counts the runs of a store from 1; 0 as long as the record is not stored.
    package var run = 0
    package var number: Int
    package var name: String
    /// `Migration.checksum` of the step that was run.
    package var checksum: String
    package var direction: Direction
    package var startedAt: Timestamp
    /// Nil while the step runs, and for ever when its runner did not live to see the end.
    package var endedAt: Timestamp?
    /// The machine that ran it.
    package var host: String
    /// The version of the program that ran it.
    package var version: String
    /// Why it failed; nil when it did not.
    package var error: String?
    /// Recorded by `stamp`: nothing was run.
    package var isStamp = false

    package init(
        number: Int,
        name: String,
        checksum: String,
        direction: Direction,
        startedAt: Timestamp,
        endedAt: Timestamp?,
        host: String,
        version: String,
        error: String? = nil
    ) {
        self.number = number
        self.name = name
        self.checksum = checksum
        self.direction = direction
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.host = host
        self.version = version
        self.error = error
    }

    /// Whether the step came to its end, and to a good one.
    package var isDone: Bool { endedAt != nil && error == nil }

    /// How long the run took; nil when it has no end.
    package var duration: Duration? { endedAt.map { $0.since(startedAt) } }

    /// The name of this machine; empty when it has none.
    static var thisHost: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return name.withUnsafeBufferPointer { buffer in buffer.baseAddress.map { String(cString: $0) } ?? "" }
    }
}
