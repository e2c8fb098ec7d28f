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
        guard access(path, R_OK) == 0 else {
            throw StoreError(.failed, "restore: \(path) cannot be read: \(String(cString: strerror(errno)))")
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
        do throws(StoreError) {
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
            result.former = try keepFormer(place)
            do throws(StoreError) {
                try partial.publish(replacing: true)
            } catch {
                bringBack(result.former, to: place)
                throw error
            }
            result.path = folder.databasePath
            return result
        } catch {
            throw error.message.hasPrefix("restore: ") ? error : StoreError(error.code, "restore: \(error.message)")
        }
    }

    private func refusal(of path: String, _ error: StoreError) -> StoreError {
        guard SQLiteFile.isDatabase(path) else {
            return StoreError(
                .failed,
                "restore: \(path) is not a database of SQLite, and so no backup: nothing was changed. \(Self.whatToName)"
            )
        }
        return StoreError(error.code, "restore: \(path) cannot be used, and nothing was changed: \(error.message)")
    }

    private func opened(_ path: String) throws(StoreError) -> SQLiteConnection {
        // What is beside it is part of it. Such a file cannot be read as it is.
        let isAlone = !SQLiteFile.companions.dropLast().contains { SQLiteFile.exists(SQLiteFile.resolved(path) + $0) }
        let source = try SQLiteConnection(path: path, access: isAlone ? .frozen : .readOnly)
        try requireOwn(try inspect(source, name: path, isToBeUsed: true))
        return source
    }

    private func requireUsable(_ path: String, for place: String) throws(StoreError) {
        if let oddity = SQLiteFile.oddity(path) {
            throw StoreError(
                .failed,
                "restore: \(path) is \(oddity), not a file: nothing was changed. \(Self.whatToName)"
            )
        }
        guard FileIdentity(path: path) != FileIdentity(path: place) else {
            throw StoreError(.failed, "restore: \(path) is the store itself: nothing was changed. \(Self.whatToName)")
        }
        if let oddity = SQLiteFile.oddity(place) {
            throw StoreError(.failed, "restore: \(place), where the store is to be, is \(oddity): move it away")
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
            "restore: \(path) belongs to user \(status.st_uid): do it as that one (sudo -u '#\(status.st_uid)' …)"
        )
    }

    /// Gives the store a second name, under which it stays when the first one is another's.
    ///
    /// - Returns: the name; nil where there is no store.
    private func keepFormer(_ place: String) throws(StoreError) -> String? {
        let hasFormer = SQLiteFile.exists(place)
        let former = "\(place).before-\(stamp)"
        // What a crash has left in its log goes into it. One that is too damaged for that, or is just being read, keeps its log
        // beside it.
        if hasFormer, let connection = try? SQLiteConnection(path: place, access: .readWrite) {
            try? connection.execute("PRAGMA wal_checkpoint(TRUNCATE)", operation: "restore")
        }
        // Also where only a log was left: what is in it would go into the new store.
        let contents = SQLiteFile.companions.dropLast() + [""]
        for suffix in contents where SQLiteFile.exists(place + suffix) {
            guard link(place + suffix, former + suffix) == 0 else {
                let reason = String(cString: strerror(errno))
                throw StoreError(.unavailable, "the store cannot be kept as \(former): \(reason)")
            }
        }
        try SQLiteFile.synchronizeFolder(SQLiteFolder.parent(of: place))
        for suffix in SQLiteFile.companions { unlink(place + suffix) }
        return hasFormer ? former : nil
    }

    /// Gives the store, which is still in its place, what lay beside it.
    private func bringBack(_ former: String?, to place: String) {
        guard let former else { return }
        for suffix in SQLiteFile.companions.dropLast() { link(former + suffix, place + suffix) }
        for suffix in SQLiteFile.companions.dropLast() + [""] { unlink(former + suffix) }
    }
}
