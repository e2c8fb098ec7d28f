import Glibc

/// The folder in which the embedded store keeps its files.
package struct SQLiteFolder: Sendable {
    package let path: String

    package init(path: String) {
        self.path = SQLiteFile.tidied(path)
    }

    package var databasePath: String { path + "/room-service.db" }
    /// Where the database itself is: `databasePath` may be a link to a file elsewhere, and SQLite keeps its log beside that.
    var realDatabasePath: String { SQLiteFile.resolved(databasePath) }
    static let lockName = "room-service.lock"
    var lockPath: String { "\(path)/\(Self.lockName)" }

    package var hasDatabase: Bool { access(databasePath, F_OK) == 0 }

    /// Makes the folder where there is none, for its owner alone, and takes it into exclusive use.
    ///
    /// - Throws: `.unavailable`, `.inUse`.
    func claim() throws(StoreError) -> FileLock {
        try makeDirectories()
        return try FileLock(path: lockPath)
    }

    /// Why this process could not make the folder or write to it, as far as permissions tell; nil where it could. Changes nothing.
    package var obstacle: String? {
        var existing = path
        while access(existing, F_OK) != 0 {
            guard errno == ENOENT || errno == ENOTDIR else { return "\(existing): \(String(cString: strerror(errno)))" }
            existing = Self.parent(of: existing)
        }
        var status = stat()
        guard stat(existing, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return "\(existing) is no folder"
        }
        guard access(existing, W_OK | X_OK) == 0 else {
            return "\(existing) cannot be written by this user: \(String(cString: strerror(errno)))"
        }
        return nil
    }

    static func parent(of path: String) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        let root = path.hasPrefix("/") ? "/" : ""
        return parts.count > 1 ? root + parts.dropLast().joined(separator: "/") : root.isEmpty ? "." : root
    }

    /// Reads the database, whether or not a service uses it. Nil when there is none.
    ///
    /// A file without a write-ahead log beside it is read as it is: an ordinary reader would leave a log behind. Should
    /// someone write meanwhile, there is a log afterwards, or the file is another version, and it is read again.
    func read<Value>(_ body: (SQLiteConnection) throws(StoreError) -> Value) throws(StoreError) -> Value? {
        guard hasDatabase else { return nil }
        let path = databasePath
        let log = realDatabasePath + "-wal"
        let version = FileVersion(path: path)
        let isAtRest = { access(log, F_OK) != 0 && FileVersion(path: path) == version }
        if isAtRest() {
            let value: Value?
            do throws(StoreError) {
                value = try body(try SQLiteConnection(path: path, access: .frozen))
            } catch {
                guard !isAtRest() else { throw error }
                value = nil
            }
            if let value, isAtRest() { return value }
        }
        return try body(try SQLiteConnection(path: path, access: .readOnly))
    }

    private func makeDirectories() throws(StoreError) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: true) {
            let parent = made.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : made
            made += (made.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
            guard mkdir(made, 0o700) != 0 else {
                // So that it survives a loss of power, as what is in it does; one that must not be read is left to its file system.
                try? SQLiteFile.synchronizeFolder(parent)
                continue
            }
            guard errno != EEXIST else { continue }
            // A parent that exists but is closed to writing says EACCES or EROFS: it need not be made.
            let code = errno
            guard access(made, F_OK) != 0 else { continue }
            throw StoreError(
                .unavailable,
                "open: the folder \(made) cannot be made: \(String(cString: strerror(code))); set DATA_DIR to one that can"
            )
        }
    }
}
