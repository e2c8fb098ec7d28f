import CSQLite

/// A connection to a database file. Not `Sendable`: it is opened without SQLite's mutexes and stays on one thread.
package final class SQLiteConnection {
    package enum Access: Sendable {
        case readOnly, readWrite
        /// To read a file that nobody writes, without making those that readers and writers share.
        case frozen
        /// To make a copy of a database, in a file that nobody else has, and that is of no use before it is whole.
        case copy
        /// A new database in memory; its path is a name for messages.
        case scratch
    }

    package let path: String
    let handle: OpaquePointer
    /// The file that was opened.
    private var file: FileIdentity?
    /// Prepared statements, by the number of the `StoreStatement`.
    private var cache: [OpaquePointer?]

    /// How long to wait for a lock that another program holds, in milliseconds.
    private static let busyTimeout: Int32 = 5000

    /// From how many bytes on a path may be too long for SQLite, with the working directory before it.
    private static let longPath = 400

    /// Opens the file; with `.readWrite` it is made if there is none, and put into WAL mode.
    package init(path: String, access: Access) throws(StoreError) {
        if access != .scratch, let oddity = SQLiteFile.oddity(path) {
            throw StoreError(.failed, "open: \(path) is \(oddity), not a file")
        }
        let flags =
            switch access {
            case .readOnly: SQLITE_OPEN_READONLY
            case .readWrite, .scratch: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .frozen: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
            case .copy: SQLITE_OPEN_READWRITE
            }
        let name =
            switch access {
            case .scratch: ":memory:"
            case .frozen: Self.frozenURI(of: path)
            default: Self.plainName(of: path)
            }
        // The copy is locked by its maker, in a way that clashes with SQLite's own on some network file systems.
        let system = access == .copy ? "unix-none" : nil
        var handle: OpaquePointer?
        let code = sqlite3_open_v2(name, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, system)
        guard let handle else {
            throw .sqlite(extendedCode: code, detail: "out of memory", operation: "open", file: path)
        }
        self.path = path
        self.handle = handle
        cache = Array(repeating: nil, count: StoreStatement.allCases.count)
        guard code == SQLITE_OK else {
            var error = error("open")
            if path.utf8.count > Self.longPath { error.message += "; SQLite takes full paths of up to 504 bytes" }
            throw error
        }
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

    /// SQLite takes `file:` at the beginning for a URI, in Debian's build always, and `:memory:` for no file at all.
    private static func plainName(of path: String) -> String { path.hasPrefix("/") ? path : "./" + path }

    /// See https://www.sqlite.org/uri.html.
    private static func frozenURI(of path: String) -> String {
        // A path that begins with two slashes would name a host.
        var name = Array((path.hasPrefix("/") ? "file://" : "file:").utf8)
        for byte in plainName(of: path).utf8 {
            switch byte {
            case UInt8(ascii: "%"): name += "%25".utf8
            case UInt8(ascii: "?"): name += "%3F".utf8
            case UInt8(ascii: "#"): name += "%23".utf8
            default: name.append(byte)
            }
        }
        return String(decoding: name, as: UTF8.self) + "?immutable=1"
    }

    private func configure(_ access: Access) throws(StoreError) {
        // What the schema of a file says that comes from elsewhere may not call functions with side effects, and no statement
        // may change the schema or the journal in a way that could damage the file.
        for (option, value) in [(SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)] as [(Int32, Int32)]
        {
            guard csqlite_configure(handle, option, value) == SQLITE_OK else { throw error("open") }
        }
        // Up to 32 MiB of pages for the writer, which keeps them over its transactions; a reader's are void after each, and the
        // system has them too.
        try execute("PRAGMA cache_size = \(access == .readWrite ? -32768 : -2048)", operation: "open")
        // Sorts are of a few dozens of rows: no files for them.
        try execute("PRAGMA temp_store = MEMORY", operation: "open")
        if access == .copy {
            // No files beside it, while it is written: when that fails, all of it is thrown away.
            for setting in ["locking_mode = EXCLUSIVE", "journal_mode = MEMORY", "synchronous = OFF"] {
                try execute("PRAGMA \(setting)", operation: "open")
            }
        }
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
