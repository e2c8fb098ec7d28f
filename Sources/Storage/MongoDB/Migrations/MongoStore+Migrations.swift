extension MongoStore {
    /// - Throws: `.schemaMismatch`, with what to do about it, when the database is not at the program's newest step;
    ///   `.unavailable` when no server answers.
    package func checkSchema() async throws(StoreError) {
        try await pool.run { connection throws(MongoError) in try connection.checkSchema() }
    }
}

extension MongoConnection {
    /// A service must not write to a database that lacks any of the program's migrations, or has others.
    func checkSchema() throws(MongoError) {
        let history = try migrationRecords()
        let plan = MigrationPlan(known: MongoMigrations.all, history: history, place: "the MongoDB database")
        do throws(MigrationError) {
            try plan.check()
        } catch {
            throw .store(error.storeError)
        }
        guard plan.isCurrent else {
            throw .store(
                StoreError(
                    .schemaMismatch,
                    """
                    the MongoDB database has schema version \(plan.version), and this program needs \
                    \(plan.knownVersion), each step run to its end: run `scripts/migrate upgrade` \
                    (in a package: `Migrations upgrade`, the program beside RoomService)
                    """
                )
            )
        }
    }
}
