import CSQLite
import Primitives

/// One run of a prepared statement: its parameters are bound; `step` goes from row to row.
///
/// The run ends when the value goes away: a cached statement is then ready for its next run, and any other is finalized.
/// Parameters and columns are as in SQL: columns count from 0.
package struct SQLiteStatement: ~Copyable {
    private let handle: OpaquePointer
    private let connection: SQLiteConnection
    private let operation: String
    private let isCached: Bool

    init(handle: OpaquePointer, connection: SQLiteConnection, operation: String, isCached: Bool) {
        self.handle = handle
        self.connection = connection
        self.operation = operation
        self.isCached = isCached
    }

    deinit {
        if isCached {
            // A statement left in mid-run would hold its read transaction open, and bound texts their memory.
            sqlite3_reset(handle)
            sqlite3_clear_bindings(handle)
        } else {
            sqlite3_finalize(handle)
        }
    }

    func bind<each Value: SQLiteBindable>(_ values: repeat each Value) throws(StoreError) {
        var index: Int32 = 0
        for value in repeat each values {
            index += 1
            guard value.bind(to: handle, at: index) == SQLITE_OK else { throw connection.error(operation) }
        }
        assert(!isCached || index == sqlite3_bind_parameter_count(handle), "\(operation): wrong number of parameters")
    }

    /// Goes on to the next row.
    ///
    /// - Returns: false when there is none.
    package func step() throws(StoreError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw connection.error(operation)
        }
    }

    package func integer(_ column: Int32) -> Int64 {
        sqlite3_column_int64(handle, column)
    }

    package func isNull(_ column: Int32) -> Bool {
        sqlite3_column_type(handle, column) == SQLITE_NULL
    }

    package func optionalInteger(_ column: Int32) -> Int64? {
        isNull(column) ? nil : integer(column)
    }

    package func time(_ column: Int32) -> Timestamp {
        Timestamp(milliseconds: integer(column))
    }

    package func optionalTime(_ column: Int32) -> Timestamp? {
        isNull(column) ? nil : time(column)
    }

    /// The whole text, also beyond a NUL; empty for NULL.
    package func text(_ column: Int32) -> String {
        withUTF8(column) { String(decoding: $0, as: UTF8.self) }
    }

    /// The text's UTF-8.
    package func bytes(_ column: Int32) -> [UInt8] {
        withUTF8(column) { Array($0) }
    }

    package func optionalText(_ column: Int32) -> String? {
        isNull(column) ? nil : text(column)
    }

    /// The object whose JSON text the column holds; empty for NULL.
    ///
    /// - Throws: `.failed` for anything else.
    package func object(_ column: Int32) throws(StoreError) -> JSONObject {
        // The usual cases first: nothing to parse.
        guard sqlite3_column_bytes(handle, column) > 2 else { return [:] }
        let parsed = try? JSONParser.parse(withUTF8(column) { Array($0) })
        guard let object = parsed?.objectValue else {
            let name = String(cString: sqlite3_column_name(handle, column))
            throw StoreError(.failed, "\(operation): column \(name) holds no JSON object: \(connection.path)")
        }
        return object
    }

    private func withUTF8<Result>(_ column: Int32, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        // The text must be asked for before its length: that call may convert the value.
        let start = sqlite3_column_text(handle, column)
        return body(UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }
}
