import CSQLite

extension StoreError {
    /// The error for a result code of SQLite.
    ///
    /// - Parameters:
    ///   - extendedCode: the extended result code; its lowest byte is the primary one.
    ///   - detail: what `sqlite3_errmsg` says.
    ///   - operation: what was tried, in a word or two.
    ///   - file: the database, so that the operator knows where to look.
    static func sqlite(extendedCode: Int32, detail: String, operation: String, file: String) -> StoreError {
        let (code, words) = meaning(ofPrimaryCode: extendedCode & 0xFF)
        let number = "SQLite \(extendedCode & 0xFF), extended \(extendedCode)"
        return StoreError(code, "\(operation): \(words): \(file): \(detail) (\(number))")
    }

    private static func meaning(ofPrimaryCode code: Int32) -> (Code, String) {
        switch code {
        case SQLITE_FULL: (.unavailable, "the disk is full")
        case SQLITE_IOERR: (.unavailable, "reading or writing failed")
        case SQLITE_CANTOPEN: (.unavailable, "the file cannot be opened")
        case SQLITE_BUSY, SQLITE_LOCKED: (.unavailable, "another program holds the database locked")
        case SQLITE_READONLY, SQLITE_PERM: (.unavailable, "the file or its folder cannot be written")
        case SQLITE_NOMEM: (.unavailable, "out of memory")
        case SQLITE_NOTADB:
            (.failed, "the file is not a database of SQLite; restore the store from a backup, or move the file away")
        case SQLITE_CORRUPT: (.failed, "the database is damaged; restore it from a backup")
        default: (.failed, "failed")
        }
    }
}
