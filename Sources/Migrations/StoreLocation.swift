import Primitives
import Storage

/// Which store is meant.
enum StoreLocation: Equatable {
    case embedded(directory: String)
    case mongoDB(uri: String, database: String)

    /// - Parameter directory: the folder that the command line names; it chooses the embedded store.
    init(directory: String?, settings: SettingsSource) {
        func setting(_ name: String) -> String? {
            guard let value = settings.value(of: name)?.value, !value.isEmpty else { return nil }
            return value
        }
        if directory == nil, let uri = setting("MONGODB_URI") {
            self = .mongoDB(uri: uri, database: setting("MONGODB_DB_NAME") ?? "careguide")
        } else {
            self = .embedded(directory: directory ?? setting("DATA_DIR") ?? "./data")
        }
    }

    /// The store's side of the migrations; nothing is made or connected yet.
    func backend() throws(StoreError) -> any MigrationBackend {
        switch self {
        case .embedded(let directory): return SQLiteMigrationBackend(directory: directory)
        case .mongoDB(let uri, let database):
            guard MongoOptions.isDatabaseName(database) else {
                throw StoreError(.failed, "MONGODB_DB_NAME: '\(database)' is no name of a database")
            }
            var options = MongoOptions(uri: uri, database: database)
            options.applicationName = "roomservice-migrations"
            return try MongoMigrationBackend(options)
        }
    }

    var migrations: [Migration] {
        switch self {
        case .embedded: SQLiteMigrations.all
        case .mongoDB: MongoMigrations.all
        }
    }
}
