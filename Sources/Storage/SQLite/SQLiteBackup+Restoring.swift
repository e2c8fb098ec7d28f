import Glibc
import Primitives

extension SQLiteBackup {
    static let restoringEnding = ".restoring"

    /// Has the store be as the backup is. The store that was there stays beside it, under another name.
    ///
    /// A store that is a link to a file elsewhere stays one: that file is replaced, and kept beside its place.
    ///
    /// - Throws: `.inUse` when a service has the store; `.failed` when the backup is damaged, or no store of this service's making;
    ///   `.schemaMismatch` when a newer program has made it; `.unavailable` when it cannot be written. The store is as it was then.
    package func restore(from path: String) throws(StoreError) -> Result {
        try named("restore") { () throws(StoreError) in try replaceStore(by: path) }
    }

    private func replaceStore(by path: String) throws(StoreError) -> Result {
        guard access(path, R_OK) == 0 else {
            throw StoreError(.failed, "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        let place = folder.realDatabasePath
        try requireUsable(path, for: place)
        let source: SQLiteConnection
        do throws(StoreError) {
            source = try opened(path)
        } catch {
            throw refusal(of: path, error)
        }
        let lock = try folder.claim()
        defer { lock.release() }
        let partial = try PartialFile(of: place, ending: Self.restoringEnding)
        defer { partial.discard() }
        try copy(source, to: partial)
        var result: Result
        do throws(StoreError) {
            // The copy, which nobody can change any more.
            result = try check(partial, name: path, isToBeUsed: true)
        } catch {
            throw error == .interrupted ? error : refusal(of: path, error)
        }
        // What takes long, and may fail, comes before the store is touched.
        try partial.synchronize()
        let former = try keepFormer(place)
        do throws(StoreError) {
            try partial.publish(replacing: true)
        } catch {
            former.bringBack()
            throw error
        }
        result.former = former.path
        result.path = folder.databasePath
        return result
    }

    private func refusal(of path: String, _ error: StoreError) -> StoreError {
        guard SQLiteFile.isDatabase(path) else {
            return StoreError(
                .failed,
                "\(path) is not a database of SQLite, and so no backup: nothing was changed. \(Self.whatToName)"
            )
        }
        return StoreError(error.code, "\(path) cannot be used, and nothing was changed: \(error.message)")
    }

    private func opened(_ path: String) throws(StoreError) -> SQLiteConnection {
        // What is beside it is part of it. Such a file cannot be read as it is.
        let isAlone = !SQLiteFile.logs.contains { SQLiteFile.exists(SQLiteFile.resolved(path) + $0) }
        let source = try SQLiteConnection(path: path, access: isAlone ? .frozen : .readOnly)
        try requireOwn(try inspect(source, name: path, isToBeUsed: true))
        return source
    }

    private func requireUsable(_ path: String, for place: String) throws(StoreError) {
        if let oddity = SQLiteFile.oddity(path) {
            throw StoreError(
                .failed,
                "\(path) is \(oddity), not a file: nothing was changed. \(Self.whatToName)"
            )
        }
        guard FileIdentity(path: path) != FileIdentity(path: place) else {
            throw StoreError(.failed, "\(path) is the store itself: nothing was changed. \(Self.whatToName)")
        }
        if let oddity = SQLiteFile.oddity(place) {
            throw StoreError(.failed, "\(place), where the store is to be, is \(oddity): move it away")
        }
        try requireOwner(of: folder.path)
        try requireOwner(of: place)
    }

    /// What another user makes, its service could not write.
    private func requireOwner(of path: String) throws(StoreError) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_uid != geteuid() else { return }
        throw StoreError(
            .failed,
            "\(path) belongs to user \(status.st_uid): do it as that one (sudo -u '#\(status.st_uid)' …)"
        )
    }

    /// Gives the store a second name, under which it stays when the first one is another's, and takes what is beside it away.
    private func keepFormer(_ place: String) throws(StoreError) -> FormerStore {
        // What a crash has left in its log goes into it. One that is too damaged for that, or is just being read, keeps its log
        // beside it.
        if SQLiteFile.exists(place), let connection = try? SQLiteConnection(path: place, access: .readWrite) {
            try? connection.execute("PRAGMA wal_checkpoint(TRUNCATE)", operation: "restore")
        }
        var former = FormerStore(place: place, name: "\(place).before-\(stamp)")
        do throws(StoreError) {
            try former.keep()
            try SQLiteFile.synchronizeFolder(SQLiteFolder.parent(of: place))
        } catch {
            former.bringBack()
            throw error
        }
        for suffix in SQLiteFile.companions { unlink(place + suffix) }
        return former
    }
}

/// A store that is about to be replaced, under a name of its own.
private struct FormerStore {
    let place: String
    let name: String
    /// What of it has that name, too: the endings.
    private var kept: [String] = []

    /// Its name; nil where there was no store.
    var path: String? { kept.contains("") ? name : nil }

    init(place: String, name: String) {
        self.place = place
        self.name = name
    }

    /// Also where only a log was left: what is in it would go into the new store.
    mutating func keep() throws(StoreError) {
        for suffix in SQLiteFile.logs + [""] where SQLiteFile.exists(place + suffix) {
            guard link(place + suffix, name + suffix) == 0 else {
                let reason = String(cString: strerror(errno))
                throw StoreError(.unavailable, "the store cannot be kept as \(name): \(reason)")
            }
            kept.append(suffix)
        }
    }

    /// Gives the store, which is still in its place, what lay beside it.
    func bringBack() {
        for suffix in kept {
            link(name + suffix, place + suffix)
            unlink(name + suffix)
        }
    }
}
