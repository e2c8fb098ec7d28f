import Testing

@testable import Storage

@Suite struct `Query plans` {
    /// Sorts of the live rooms of one user, of which there are some dozens: an index for each would cost more.
    private static let maySort: Set<StoreStatement> = [
        .roomsByActivity, .roomsByCreation, .roomsByCreationDescending, .roomsByName, .roomsByNameDescending,
    ]

    /// Statements that want every row there is.
    private static let readsAll: Set<StoreStatement> = [.activeStreams, .answerParts]

    @Test(arguments: StoreStatement.allCases)
    func `a statement goes by an index`(statement: StoreStatement) async throws {
        let plan = try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            let plan = try await store.readers.read { connection throws(StoreError) in
                let rows = try connection.prepare("EXPLAIN QUERY PLAN " + statement.sql, operation: "explain")
                var plan: [String] = []
                while try rows.step() { plan.append(rows.text(3)) }
                return plan
            }
            await store.close()
            return plan
        }
        let readsTable = ["SELECT", "UPDATE", "DELETE"].contains { statement.sql.hasPrefix($0) }
        #expect(plan.isEmpty != readsTable)
        guard !Self.readsAll.contains(statement) else { return }
        for step in plan {
            // The index of running answers is as small as their number.
            let isScan = step.hasPrefix("SCAN") && !step.hasSuffix("USING INDEX running_idx")
            #expect(!isScan, "\(step)")
            #expect(!step.contains("TEMP B-TREE") || Self.maySort.contains(statement), "\(step)")
            #expect(!step.contains("AUTOMATIC"), "\(step)")
        }
    }

    @Test func `the list that is asked for most needs no sort, and counting no look at the table`() async throws {
        #expect(!Self.maySort.contains(.roomsByActivityDescending))
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            for statement in StoreStatement.allCases where statement.sql.hasPrefix("SELECT count") {
                let plan = try await store.readers.read { connection throws(StoreError) in
                    let row = try connection.prepare("EXPLAIN QUERY PLAN " + statement.sql, operation: "explain")
                    return try row.step() ? row.text(3) : ""
                }
                #expect(plan.contains("USING COVERING INDEX"), "\(statement): \(plan)")
            }
            await store.close()
        }
    }
}
