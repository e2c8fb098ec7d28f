import Glibc
import Primitives

/// Makes backups of an embedded store, also of one that a service uses, and puts them back.
///
/// A backup is one file: the store as it was at one moment, with all that had been acknowledged by then.
package struct SQLiteBackup {
    package struct Result: Equatable {
        /// What has been made.
        package var path: String
        /// In bytes.
        package var size: Int
        /// That of its schema.
        package var version: Int
        /// Where the store is that was there before, if one was.
        package var former: String?
        /// What its schema has that a restore refuses, a few words each.
        package var differences: [String] = []
    }

    let folder: SQLiteFolder
    private let known: [Migration]
    private let time: any TimeSource
    private let isInterrupted: () -> Bool

    /// - Parameters:
    ///   - directory: the store's folder.
    ///   - known: the steps of the schema that this program knows.
    ///   - isInterrupted: is asked now and then. When it says so, what is being made is broken off, and nothing of it stays.
    package init(
        directory: String,
        known: [Migration] = SQLiteMigrations.all,
        time: any TimeSource = SystemTimeSource(),
        isInterrupted: @escaping () -> Bool = { false }
    ) {
        folder = SQLiteFolder(path: directory)
        self.known = known
        self.time = time
        self.isInterrupted = isInterrupted
    }

    static let whatToName = "Name a file that scripts/backup (in a package: Migrations backup) has made"

    /// As `20260131T090500250Z`.
    var stamp: String { time.now.description.filter { $0 != "-" && $0 != ":" && $0 != "." } }

    /// Writes a copy of the whole, in place of what `partial` had.
    func copy(_ source: SQLiteConnection, to partial: PartialFile) throws(StoreError) {
        try partial.empty()
        let copy = try SQLiteConnection(path: partial.path, access: .copy)
        try source.copy(to: copy, isInterrupted: isInterrupted)
        // One file, which can be read without making others beside it.
        try copy.execute("PRAGMA journal_mode = DELETE", operation: "copy")
    }

    /// What is in a database, by its schema and its records of it. None of its own statements are run.
    ///
    /// - Parameters:
    ///   - name: what the operator knows it by.
    ///   - isToBeUsed: whether this program must know all of its schema.
    /// - Throws: `.failed` when it is no store; where it is to be used, `.schemaMismatch` when a newer program has made it.
    func inspect(_ connection: SQLiteConnection, name: String, isToBeUsed: Bool) throws(StoreError) -> Result {
        let history = try SQLiteMigrationLog(connection: connection).records()
        let plan = MigrationPlan(known: known, history: history, place: name)
        guard plan.version > 0 else {
            throw StoreError(.failed, "check: \(name) is a database, but no store of RoomService. \(Self.whatToName)")
        }
        var isKnown = true
        do throws(MigrationError) {
            try plan.check()
        } catch {
            guard !isToBeUsed else { throw error.storeError }
            isKnown = false
        }
        var result = Result(path: name, size: 0, version: plan.version)
        if isKnown {
            let applied = known.filter { plan.applied[$0.number] != nil }
            result.differences = try SQLiteSchema(of: connection).differences(from: applied, known: known)
        }
        return result
    }

    /// Looks for damage in a copy that nobody else has, and at the rest as `inspect` does.
    func check(_ partial: PartialFile, name: String, isToBeUsed: Bool) throws(StoreError) -> Result {
        let connection = try SQLiteConnection(path: partial.path, access: .frozen)
        var result = try inspect(connection, name: name, isToBeUsed: isToBeUsed)
        if isToBeUsed { try requireOwn(result) }
        // Only then, as it evaluates what the schema says.
        let faults = try connection.prepare("PRAGMA integrity_check(1)", operation: "check")
        guard try faults.step(), faults.text(0) == "ok" else {
            throw StoreError(.failed, "check: the database is damaged: \(name): \(faults.text(0))")
        }
        while try faults.step() {}
        let size = try connection.prepare(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            operation: "check"
        )
        result.size = try size.step() ? Int(size.integer(0)) : 0
        // What takes long is behind, and was not asked.
        guard !isInterrupted() else { throw .interrupted }
        return result
    }

    /// - Throws: `.failed` when the schema has what no step of it makes: the service would run such statements.
    func requireOwn(_ result: Result) throws(StoreError) {
        guard !result.differences.isEmpty else { return }
        throw StoreError(
            .failed,
            "check: its schema is not as this service makes it: \(Self.list(result.differences)). Use no file of somebody whom you do "
                + "not trust. What you have added to it yourself can be dropped with sqlite3, in a copy of the file"
        )
    }

    /// Some of them, each of bounded length: their names are whatever somebody has written.
    package static func list(_ differences: [String]) -> String {
        let shown = differences.prefix(5).map { $0.count > 120 ? "\($0.prefix(60))…\($0.suffix(50))" : $0 }
        let more = differences.count - shown.count
        return shown.joined(separator: ", ") + (more > 0 ? ", and \(more) more" : "")
    }
}
