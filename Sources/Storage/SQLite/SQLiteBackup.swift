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
    }

    private let folder: SQLiteFolder
    private let known: [Migration]
    private let time: any TimeSource

    /// - Parameters:
    ///   - directory: the store's folder.
    ///   - known: the steps of the schema that this program knows.
    package init(
        directory: String,
        known: [Migration] = SQLiteMigrations.all,
        time: any TimeSource = SystemTimeSource()
    ) {
        folder = SQLiteFolder(path: directory)
        self.known = known
        self.time = time
    }

    // MARK: Making one

    /// Makes a backup, and checks it.
    ///
    /// - Parameter target: a file that does not exist, or a folder, in which it gets a name with the time.
    /// - Throws: `.failed` when there is no store, when there is such a file, or when what was copied is damaged; `.unavailable` when it
    ///   cannot be written. There is no such file then.
    package func make(at target: String) throws(StoreError) -> Result {
        let path = SQLiteFile.tidied(SQLiteFile.isFolder(target) ? "\(target)/room-service-\(stamp).db" : target)
        guard access(path, F_OK) != 0 else {
            throw StoreError(.failed, "backup: \(path) exists already: choose another name, or a folder")
        }
        let parent = SQLiteFolder.parent(of: path)
        guard SQLiteFile.isFolder(parent), !target.hasSuffix("/") || SQLiteFile.isFolder(target) else {
            throw StoreError(.unavailable, "backup: the folder of \(path) does not exist: make it first")
        }
        let partial = "\(path).partial-\(getpid())"
        defer { SQLiteFile.remove(partial) }
        let result = try folder.read { source throws(StoreError) in
            try copy(source, to: partial)
            return try check(partial)
        }
        guard var result else { throw StoreError(.failed, "backup: there is no store in \(folder.path)") }
        // Unlike a renaming, a link replaces nothing that has come to be there.
        guard link(partial, path) == 0 else {
            throw StoreError(.unavailable, "backup: \(path) cannot be made: \(String(cString: strerror(errno)))")
        }
        folder.synchronize(SQLiteFolder.parent(of: path))
        result.path = path
        return result
    }

    /// - Throws: when the copy is damaged, or no store of this service.
    private func check(_ path: String) throws(StoreError) -> Result {
        let connection = try SQLiteConnection(path: path, access: .frozen)
        return try check(connection, knowsAll: false)
    }

    // MARK: Putting one back

    /// Has the store be as the backup is. The store that was there stays beside it, under another name.
    ///
    /// - Throws: `.inUse` when a service has the store; `.failed` when the backup is damaged or none; `.schemaMismatch` when a newer
    ///   program has made it; `.unavailable` when it cannot be written. The store is as it was then.
    package func restore(from path: String) throws(StoreError) -> Result {
        guard access(path, R_OK) == 0 else {
            throw StoreError(.failed, "restore: \(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        try requireOwner()
        let hasLog = access(path + "-wal", F_OK) == 0
        let source: SQLiteConnection
        var result: Result
        do throws(StoreError) {
            source = try SQLiteConnection(path: path, access: hasLog ? .readOnly : .frozen)
            result = try check(source, knowsAll: true)
        } catch {
            guard SQLiteFile.isDatabase(path) else {
                throw StoreError(
                    .failed,
                    "restore: \(path) is not a database of SQLite, and so no backup: nothing was changed. \(Self.whatToName)"
                )
            }
            throw StoreError(error.code, "restore: \(path) cannot be used, and nothing was changed: \(error.message)")
        }
        let lock = try folder.claim()
        defer { lock.release() }
        let partial = "\(folder.databasePath).restoring"
        SQLiteFile.remove(partial)
        defer { SQLiteFile.remove(partial) }
        try copy(source, to: partial)
        result.former = try keepFormer()
        guard rename(partial, folder.databasePath) == 0 else {
            let reason = String(cString: strerror(errno))
            throw StoreError(.unavailable, "restore: \(folder.databasePath) cannot be replaced: \(reason)")
        }
        folder.synchronize(folder.path)
        result.path = folder.databasePath
        return result
    }

    private static let whatToName = "Name a file that scripts/backup (in a package: Migrations backup) has made"

    /// What another user makes, its service could not write.
    private func requireOwner() throws(StoreError) {
        var status = stat()
        guard stat(folder.path, &status) == 0, status.st_uid != geteuid() else { return }
        throw StoreError(
            .failed,
            "restore: \(folder.path) belongs to user \(status.st_uid): do it as that one (sudo -u '#\(status.st_uid)' …)"
        )
    }

    /// Gives the store a second name, under which it stays when the first one is another's.
    ///
    /// - Returns: the name; nil where there is no store.
    private func keepFormer() throws(StoreError) -> String? {
        guard folder.hasDatabase else { return nil }
        let former = "\(folder.databasePath).before-\(stamp)"
        // What a crash has left in its log goes into it. One that is too damaged for that, or is just being read, keeps its log
        // beside it.
        if let connection = try? SQLiteConnection(path: folder.databasePath, access: .readWrite) {
            try? connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        }
        for suffix in ["-wal", ""] where access(folder.databasePath + suffix, F_OK) == 0 {
            guard link(folder.databasePath + suffix, former + suffix) == 0 else {
                let reason = String(cString: strerror(errno))
                throw StoreError(.unavailable, "restore: the store cannot be kept as \(former): \(reason)")
            }
        }
        for suffix in ["-wal", "-shm"] { unlink(folder.databasePath + suffix) }
        return former
    }

    // MARK: Both

    /// As `20260131T090500250Z`.
    private var stamp: String { time.now.description.filter { $0 != "-" && $0 != ":" && $0 != "." } }

    /// Copies into a new file, for its owner alone, which is then on the disk.
    private func copy(_ source: SQLiteConnection, to path: String) throws(StoreError) {
        try SQLiteFile.create(path)
        let copy = try SQLiteConnection(path: path, access: .copy)
        try source.copy(to: copy)
        // One file, which can be read without making others beside it.
        try copy.execute("PRAGMA journal_mode = DELETE", operation: "copy")
        try SQLiteFile.synchronize(path)
    }

    /// - Parameter knowsAll: whether this program must know all of its schema.
    private func check(_ connection: SQLiteConnection, knowsAll: Bool) throws(StoreError) -> Result {
        let faults = try connection.prepare("PRAGMA integrity_check(1)", operation: "check")
        guard try faults.step(), faults.text(0) == "ok" else {
            throw StoreError(.failed, "check: the database is damaged: \(connection.path): \(faults.text(0))")
        }
        while try faults.step() {}
        let history = try SQLiteMigrationLog(connection: connection).records()
        let plan = MigrationPlan(known: known, history: history, place: connection.path)
        guard plan.version > 0 else {
            throw StoreError(
                .failed,
                "check: \(connection.path) is a database, but no store of RoomService. \(Self.whatToName)"
            )
        }
        if knowsAll {
            do throws(MigrationError) { try plan.check() } catch { throw error.storeError }
        }
        let size = try connection.prepare(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            operation: "check"
        )
        return Result(path: connection.path, size: try size.step() ? Int(size.integer(0)) : 0, version: plan.version)
    }
}
