import CMongoC

/// Which members of a replica set a query may ask.
enum MongoReadMembers {
    /// The one that writes: what it says is the latest. For all that decides something.
    case primary
    /// As the connection string prefers (`readPreference`): for histories, which may be behind and are long.
    case preferred

    /// A `mongoc_read_prefs_t`, which lives as long as the program and is only read.
    var preference: OpaquePointer? {
        switch self {
        case .primary: Self.primaryPreference
        case .preferred: nil
        }
    }

    nonisolated(unsafe) private static let primaryPreference = mongoc_read_prefs_new(MONGOC_READ_PRIMARY)
}
