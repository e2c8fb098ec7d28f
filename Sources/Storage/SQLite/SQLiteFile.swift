import Glibc

/// What is done with database files as files.
enum SQLiteFile {
    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The path with one slash where there are several, and none at its end: it names the same, and reads better.
    static func tidied(_ path: String) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }

    /// Whether a regular file begins as the databases of SQLite do (its file format, section 1.3.1); an empty one is one, too.
    static func isDatabase(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let header = Array("SQLite format 3\0".utf8)
        var start = [UInt8](repeating: 0, count: header.count)
        let count = read(descriptor, &start, start.count)
        return count == 0 || start == header
    }

    /// What SQLite keeps beside a database, as endings of its name: what is in the first two belongs to its contents.
    static let companions = logs + ["-shm"]
    /// Those of them that have in them what was stored.
    static let logs = ["-wal", "-journal"]

    /// Whether something has that name, be it a link that leads nowhere.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Where the file is that `path` names, when that is a symbolic link, or a link to one; otherwise `path`.
    static func resolved(_ path: String) -> String {
        var path = path
        // As many as the system follows.
        for _ in 0..<40 {
            var target = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(path, &target, target.count - 1)
            guard count > 0 else { return path }
            let text = String(decoding: target[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
            path = text.hasPrefix("/") ? text : "\(SQLiteFolder.parent(of: path))/\(text)"
        }
        return path
    }

    /// What is at `path` other than a file, links followed; nil where there is a file, or nothing. Opening it could wait for ever, or do
    /// what nobody wants.
    static func oddity(_ path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return nil
        case S_IFDIR: return "a folder"
        case S_IFIFO: return "a named pipe"
        case S_IFSOCK: return "a socket"
        default: return "a device"
        }
    }

    /// Returns when the entries of a folder are on the disk, as far as its file system can tell.
    static func synchronizeFolder(_ path: String) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        // EINVAL: that of some network needs none.
        guard descriptor >= 0, fsync(descriptor) == 0 || errno == EINVAL else {
            let reason = String(cString: strerror(errno))
            throw StoreError(.unavailable, "the folder \(path) cannot be brought to the disk: \(reason)")
        }
    }

    /// Removes a file that is not in use, with what SQLite may have left beside it; that there is none is no fault.
    static func remove(_ path: String) {
        for suffix in [""] + companions { unlink(path + suffix) }
    }
}
