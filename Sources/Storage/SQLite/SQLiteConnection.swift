import CSQLite

/// A connection to a database file. Not `Sendable`: it is opened without SQLite's mutexes and stays on one thread.
package final class SQLiteConnection {
    package enum Access: Sendable {
        case readOnly, readWrite
        /// To read a file that nobody writes, without making those that readers and writers share.
        case frozen
        /// To make a copy of a database, in a file of its own.
        case copy
    }

    package let path: String
    private let handle: OpaquePointer
    /// The file that was opened.
    private var file: FileIdentity?
    /// Prepared statements, by the number of the `StoreStatement`.
    private var cache: [OpaquePointer?]

    /// How long to wait for a lock that another program holds, in milliseconds.
    private static let busyTimeout: Int32 = 5000

    /// Opens the file; with `.readWrite` it is made if there is none, and put into WAL mode.
    package init(path: String, access: Access) throws(StoreError) {
        let flags =
            switch access {
            case .readOnly: SQLITE_OPEN_READONLY
            case .readWrite: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .frozen: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
            case .copy: SQLITE_OPEN_READWRITE
            }
        let name = access == .frozen ? Self.frozenURI(of: path) : path
        var handle: OpaquePointer?
        let code = sqlite3_open_v2(name, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard let handle else {
            throw .sqlite(extendedCode: code, detail: "out of memory", operation: "open", file: path)
        }
        self.path = path
        self.handle = handle
        cache = Array(repeating: nil, count: StoreStatement.allCases.count)
        guard code == SQLITE_OK else { throw error("open") }
        sqlite3_busy_timeout(handle, Self.busyTimeout)
        try configure(access)
        file = FileIdentity(path: path)
    }

    /// - Throws: `.unavailable` when the file has been removed, or another one put in its place: what is written to it
    ///   is then lost with the process.
    func requireFile() throws(StoreError) {
        guard file == nil || FileIdentity(path: path) == file else {
            throw StoreError(
                .unavailable,
                "the database file has been removed or replaced: \(path): the service goes on by itself once that very file is back "
                    + "in its place; to go on with what is there now, restart it"
            )
        }
    }

    deinit {
        for statement in cache { sqlite3_finalize(statement) }
        // The last connection to close copies the write-ahead log into the database and removes it.
        sqlite3_close_v2(handle)
    }

    private static func frozenURI(of path: String) -> String {
        let escaped = path.map { character in
            switch character {
            case "%": "%25"
            case "?": "%3F"
            case "#": "%23"
            default: String(character)
            }
        }
        // A path that begins with two slashes would name a host.
        return "file:" + (path.hasPrefix("/") ? "//" : "") + escaped.joined() + "?immutable=1"
    }

    private func configure(_ access: Access) throws(StoreError) {
        // Up to 32 MiB of pages for the writer, which keeps them over its transactions; a reader's are void after each, and the
        // system has them too.
        try execute("PRAGMA cache_size = \(access == .readWrite ? -32768 : -2048)", operation: "open")
        // Sorts are of a few dozens of rows: no files for them.
        try execute("PRAGMA temp_store = MEMORY", operation: "open")
        guard access == .readWrite else { return }
        let mode = try prepare("PRAGMA journal_mode = WAL", operation: "open")
        guard try mode.step(), mode.text(0) == "wal" else {
            throw StoreError(.unavailable, "open: the file system cannot hold a write-ahead log: \(path)")
        }
        // A commit returns when the log is on the disk.
        try execute("PRAGMA synchronous = FULL", operation: "open")
        // 16 MiB: rarer than SQLite's 4, as pages that many transactions touch are then copied once for all of them.
        try execute("PRAGMA wal_autocheckpoint = 4096", operation: "open")
        try execute("PRAGMA journal_size_limit = 67108864", operation: "open")
    }

    /// The id of the row that this connection inserted last.
    var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

    // MARK: Statements

    /// Starts a run of a statement that is prepared once per connection.
    func statement<each Value: SQLiteBindable>(
        _ statement: StoreStatement,
        _ values: repeat each Value
    ) throws(StoreError) -> SQLiteStatement {
        let run = SQLiteStatement(
            handle: try cached(statement),
            connection: self,
            operation: statement.name,
            isCached: true
        )
        try run.bind(repeat each values)
        return run
    }

    /// Runs a cached statement to its end.
    ///
    /// - Returns: how many rows it inserted, changed or deleted, without those that triggers did.
    @discardableResult
    func run<each Value: SQLiteBindable>(
        _ statement: StoreStatement,
        _ values: repeat each Value
    ) throws(StoreError) -> Int {
        let run = try self.statement(statement, repeat each values)
        while try run.step() {}
        return Int(sqlite3_changes64(handle))
    }

    /// Starts a run of a statement that is used once.
    package func prepare<each Value: SQLiteBindable>(
        _ sql: String,
        operation: String,
        _ values: repeat each Value
    ) throws(StoreError) -> SQLiteStatement {
        let run = SQLiteStatement(
            handle: try compiled(sql, persistent: false, operation: operation),
            connection: self,
            operation: operation,
            isCached: false
        )
        try run.bind(repeat each values)
        return run
    }

    /// Runs a statement once, to its end.
    package func execute<each Value: SQLiteBindable>(
        _ sql: String,
        operation: String? = nil,
        _ values: repeat each Value
    ) throws(StoreError) {
        let run = try prepare(sql, operation: operation ?? sql, repeat each values)
        while try run.step() {}
    }

    private func cached(_ statement: StoreStatement) throws(StoreError) -> OpaquePointer {
        if let prepared = cache[statement.rawValue] {
            assert(sqlite3_stmt_busy(prepared) == 0, "\(statement.name) is already running")
            return prepared
        }
        let prepared = try compiled(statement.sql, persistent: true, operation: statement.name)
        cache[statement.rawValue] = prepared
        return prepared
    }

    private func compiled(_ sql: String, persistent: Bool, operation: String) throws(StoreError) -> OpaquePointer {
        var statement: OpaquePointer?
        let flags = persistent ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
        guard sqlite3_prepare_v3(handle, sql, -1, flags, &statement, nil) == SQLITE_OK, let statement else {
            throw error(operation)
        }
        return statement
    }

    /// Copies the whole database, as it is at one moment, over that of `other`. Others go on writing to this one.
    func copy(to other: SQLiteConnection) throws(StoreError) {
        guard let backup = sqlite3_backup_init(other.handle, "main", handle, "main") else { throw other.error("copy") }
        // All pages in one step: of several, each that somebody has written to in between would begin anew.
        let code = sqlite3_backup_step(backup, -1)
        sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE else {
            let detail = String(cString: sqlite3_errstr(code))
            throw .sqlite(extendedCode: code, detail: detail, operation: "copy", file: "\(path) to \(other.path)")
        }
    }

    // MARK: State

    /// Whether a transaction is open. Some errors, as a full disk, end it.
    package var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// How many rows all statements have changed since the connection was opened, triggers included.
    var totalChanges: Int64 { sqlite3_total_changes64(handle) }

    /// The error of the call that has just failed.
    func error(_ operation: String) -> StoreError {
        .sqlite(
            extendedCode: sqlite3_extended_errcode(handle),
            detail: String(cString: sqlite3_errmsg(handle)),
            operation: operation,
            file: path
        )
    }
}
