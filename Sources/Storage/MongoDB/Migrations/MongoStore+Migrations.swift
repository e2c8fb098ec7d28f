extension MongoStore {
    /// Which of the program's migrations the database has: a service must not write to one that lacks any, or has others.
    ///
    /// - Throws: `.unavailable` when no server answers.
    package func migrationPlan(
        known: [Migration] = MongoMigrations.all
    ) async throws(StoreError) -> MigrationPlan {
        let records = try await pool.run { connection throws(MongoError) in try connection.migrationRecords() }
        return MigrationPlan(known: known, history: records, place: "the MongoDB database")
    }

    /// - Throws: `.schemaMismatch`, with what to do about it, when the database is not at the program's newest step;
    ///   `.unavailable` when no server answers.
    package func checkSchema() async throws(StoreError) {
        let plan = try await migrationPlan()
        do throws(MigrationError) {
            try plan.check()
        } catch {
            throw error.storeError
        }
        guard plan.isCurrent else {
            throw StoreError(
                .schemaMismatch,
                """
                the MongoDB database has schema version \(plan.version), and this program needs \(plan.knownVersion), \
                each step run to its end: run `scripts/migrate upgrade`
                """
            )
        }
    }
}
