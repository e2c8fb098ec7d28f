import CSQLite
import Glibc

extension SQLiteConnection {
    /// How many pages are copied before somebody is asked whether it is to go on: about 4 MiB.
    private static let pagesAtOnce: Int32 = 1024

    /// Copies the whole database, as it is at one moment, over that of `other`. Others go on writing to this one.
    ///
    /// - Parameter isInterrupted: is asked now and then; when it says so, `other` is left by half.
    /// - Throws: also `.interrupted`.
    func copy(to other: SQLiteConnection, isInterrupted: () -> Bool) throws(StoreError) {
        // One read transaction over all pages: without it, each that somebody has written to in between would begin anew.
        try execute("BEGIN", operation: "copy")
        defer { if isInTransaction { try? execute("ROLLBACK", operation: "copy") } }
        _ = try prepare("SELECT count(*) FROM sqlite_schema", operation: "copy").step()
        guard let backup = sqlite3_backup_init(other.handle, "main", handle, "main") else { throw other.error("copy") }
        var code = SQLITE_OK
        while code == SQLITE_OK, !isInterrupted() { code = sqlite3_backup_step(backup, Self.pagesAtOnce) }
        sqlite3_backup_finish(backup)
        let reason = sqlite3_system_errno(other.handle)
        guard code != SQLITE_OK else { throw .interrupted }
        guard code == SQLITE_DONE else {
            var detail = String(cString: sqlite3_errstr(code))
            if code & 0xFF == SQLITE_IOERR, reason != 0 { detail += ", \(String(cString: strerror(reason)))" }
            throw .sqlite(extendedCode: code, detail: detail, operation: "copy", file: "\(path) to \(other.path)")
        }
    }
}

extension StoreError {
    static let interrupted = StoreError(.failed, "broken off by a signal")
}
