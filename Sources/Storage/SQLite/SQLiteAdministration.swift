/// Migrations of an embedded store that nobody has open, for the `Migrations` program.
package struct SQLiteAdministration {
    private let folder: SQLiteFolder
    private let migrations: [Migration]

    package init(directory: String, migrations: [Migration] = SQLiteMigrations.all) {
        folder = SQLiteFolder(path: directory)
        self.migrations = migrations
    }

    /// What has been run and what has not. Makes and changes nothing, and does not mind a running service.
    package func plan() throws(MigrationError) -> MigrationPlan {
        guard folder.hasDatabase else {
            return MigrationPlan(known: migrations, history: [], place: folder.databasePath)
        }
        return try migrator(.readOnly).plan()
    }

    /// Brings the store up to step `target` (nil: the newest), and makes it where there is none.
    ///
    /// - Throws: `.store` with `.inUse` while a service runs on it.
    package func upgrade(to target: Int? = nil) throws(MigrationError) -> [MigrationRecord] {
        try exclusively { migrator throws(MigrationError) in try migrator.upgrade(to: target) }
    }

    /// Takes the store back to step `target` (nil: one step).
    ///
    /// - Throws: `.store` with `.inUse` while a service runs on it.
    package func downgrade(to target: Int? = nil) throws(MigrationError) -> [MigrationRecord] {
        guard folder.hasDatabase else { return [] }
        return try exclusively { migrator throws(MigrationError) in try migrator.downgrade(to: target) }
    }

    private func exclusively(
        _ body: (SQLiteMigrator) throws(MigrationError) -> [MigrationRecord]
    ) throws(MigrationError) -> [MigrationRecord] {
        let lock: FileLock
        do {
            lock = try folder.claim()
        } catch {
            throw .store(error)
        }
        defer { lock.release() }
        return try body(try migrator(.readWrite))
    }

    private func migrator(_ access: SQLiteConnection.Access) throws(MigrationError) -> SQLiteMigrator {
        do {
            let connection = try SQLiteConnection(path: folder.databasePath, access: access)
            return SQLiteMigrator(connection: connection, migrations: migrations)
        } catch {
            throw .store(error)
        }
    }
}
