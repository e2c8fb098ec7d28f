import Primitives

/// One run of a step, as the store remembers it: `schema_migrations` is a log of all runs, failed ones too.
package struct MigrationRecord: Sendable, Equatable {
    package enum Direction: String, Sendable {
        case up, down
    }

    package var number: Int
    package var name: String
    /// `Migration.checksum` of the step that was run.
    package var checksum: String
    package var direction: Direction
    package var startedAt: Timestamp
    package var endedAt: Timestamp
    /// The machine that ran it.
    package var host: String
    /// The version of the program that ran it.
    package var version: String
    /// Why it failed; nil when it did not.
    package var error: String?

    package init(
        number: Int,
        name: String,
        checksum: String,
        direction: Direction,
        startedAt: Timestamp,
        endedAt: Timestamp,
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
}
