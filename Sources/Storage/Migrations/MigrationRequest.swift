/// What an operator wants of a schema.
package enum MigrationRequest: Sendable, Equatable {
    case upgrade(MigrationTarget)
    case downgrade(MigrationTarget)
    /// To have the steps up to this one recorded as run, and the others as not, without running any.
    case stamp(Int)
}

/// Up to where a schema is to be taken.
package enum MigrationTarget: Sendable, Equatable {
    /// The newest step.
    case head
    /// Before the first step.
    case base
    /// This step, the last to be there.
    case number(Int)
    /// So many steps further.
    case steps(Int)
}

/// A run that a request needs.
package struct MigrationRun: Sendable, Equatable {
    package var migration: Migration
    package var direction: MigrationRecord.Direction
    /// Whether it is recorded alone.
    package var isStamp = false
}
