import Glibc

/// The folder in which the embedded store keeps its files.
package struct SQLiteFolder: Sendable {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    package var databasePath: String { path + "/room-service.db" }
    var lockPath: String { path + "/room-service.lock" }

    package var hasDatabase: Bool { access(databasePath, F_OK) == 0 }

    /// Makes the folder where there is none, for its owner alone, and takes it into exclusive use.
    ///
    /// - Throws: `.unavailable`, `.inUse`.
    func claim() throws(StoreError) -> FileLock {
        try makeDirectories()
        return try FileLock(path: lockPath)
    }

    private func makeDirectories() throws(StoreError) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: true) {
            let parent = made.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : made
            made += (made.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
            guard mkdir(made, 0o700) != 0 else {
                synchronize(parent)
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

    /// Has the entry of a new folder survive a loss of power, as what will be in it does.
    private func synchronize(_ directory: String) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
