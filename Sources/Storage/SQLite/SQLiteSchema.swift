/// The tables, indexes, triggers and views of a database, with the statements that made them.
struct SQLiteSchema {
    struct Object: Hashable {
        /// As `trigger room_added`.
        var name: String
        /// The table that it belongs to.
        var table: String
        /// Empty for what SQLite makes by itself.
        var statement: String
    }

    /// In the order of their making. A file that somebody has forged can have two of one name.
    let objects: [Object]

    init(of connection: SQLiteConnection) throws(StoreError) {
        let rows = try connection.prepare(
            "SELECT type || ' ' || name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY rowid",
            operation: "read the schema"
        )
        var objects: [Object] = []
        while try rows.step() {
            objects.append(Object(name: rows.text(0), table: rows.text(1), statement: rows.text(2)))
        }
        self.objects = objects
    }

    /// What these steps make of an empty database, with the record of them. They are run, as later ones may change what earlier
    /// ones made.
    init(madeBy migrations: [Migration]) throws(StoreError) {
        let scratch = try SQLiteConnection(path: "scratch", access: .scratch)
        try SQLiteMigrationLog(connection: scratch).create()
        for migration in migrations {
            for statement in migration.up { try scratch.execute(statement, operation: migration.name) }
        }
        self = try SQLiteSchema(of: scratch)
    }

    /// The statement of each, by name.
    var statements: [String: String] {
        Dictionary(objects.map { ($0.name, $0.statement) }, uniquingKeysWith: { first, _ in first })
    }

    // MARK: Comparing

    /// What this schema has that a store of this service cannot have, or lacks; a few words each. Statements of others would be run
    /// by the service.
    ///
    /// - Parameters:
    ///   - applied: the steps that the store has. All that they make must be there, as they make it.
    ///   - known: all steps. What they make is no harm in a store that has gone back to before them.
    func differences(from applied: [Migration], known: [Migration]) throws(StoreError) -> [String] {
        var required = try SQLiteSchema(madeBy: applied).objects
        let harmless = Set(try SQLiteSchema(madeBy: known).objects + Self.incidental)
        let names = Set(required.map(\.name))
        var seen: Set<String> = []
        var differences: [String] = []
        for object in objects {
            let isFirst = seen.insert(object.name).inserted
            if isFirst, let index = required.firstIndex(where: { Self.isSame($0, object) }) {
                required.remove(at: index)
            } else if !isFirst || names.contains(object.name) || !harmless.contains(object) {
                let isOurs = isFirst && names.contains(object.name)
                differences.append(
                    "\(object.name) \(isOurs ? "is another than this service makes" : "is not of this service")"
                )
            }
        }
        return differences + required.filter { !seen.contains($0.name) }.map { "\($0.name) is missing" }
    }

    private static func isSame(_ required: Object, _ object: Object) -> Bool {
        if required == object { return true }
        var first = required
        first.statement = SQLiteMigrationLog.firstStatement
        return required.name == "table schema_migrations" && object == first
    }

    /// What SQLite makes by itself: for row ids that are not given twice, and by `ANALYZE`.
    private static let incidental = [
        Object(
            name: "table sqlite_sequence",
            table: "sqlite_sequence",
            statement: "CREATE TABLE sqlite_sequence(name,seq)"
        ),
        Object(name: "table sqlite_stat1", table: "sqlite_stat1", statement: "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
    ]
}
