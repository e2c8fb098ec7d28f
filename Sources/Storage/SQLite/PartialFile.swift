import CSystem
import Glibc

/// A file that is being made: until it is whole, and on the disk, an ending of its name says that it is not.
///
/// A process that is killed leaves it, and the next one that makes a file of the same name removes it. Its maker holds a lock on it
/// (`flock(2)`, which the system frees when a process ends), so that nobody removes one that is still being made.
struct PartialFile {
    /// Where it is until it is published.
    let path: String
    private let target: String
    private let descriptor: Int32
    private let identity: FileIdentity?

    /// Makes an empty one, for its owner alone, in the place of one that a killed process has left.
    ///
    /// - Parameters:
    ///   - target: what it is to be called when it is whole.
    ///   - ending: of its name until then.
    /// - Throws: `.inUse` while another process makes it; `.unavailable`.
    init(of target: String, ending: String = ".partial") throws(StoreError) {
        self.target = target
        path = target + ending
        var attempts = 0
        while true {
            try Self.removeAbandoned(path)
            let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            let code = errno
            if descriptor >= 0 {
                // Whatever the umask takes away.
                fchmod(descriptor, 0o600)
                // Whoever cleans up may have taken it for an abandoned one just before it was locked.
                if Self.lock(descriptor), FileIdentity(path: path) == FileIdentity(descriptor: descriptor) {
                    self.descriptor = descriptor
                    identity = FileIdentity(descriptor: descriptor)
                    return
                }
                close(descriptor)
            }
            attempts += 1
            guard descriptor >= 0 || code == EEXIST, attempts < 10 else {
                throw StoreError(.unavailable, "\(path) cannot be made: \(String(cString: strerror(code)))")
            }
        }
    }

    /// Takes back all that was written to it.
    func empty() throws(StoreError) {
        for companion in SQLiteFile.companions { unlink(path + companion) }
        guard ftruncate(descriptor, 0) == 0 else { throw unwritable() }
    }

    /// Gives it its name, once all of it is on the disk.
    ///
    /// - Parameter replacing: whether a file that has the name already loses it.
    /// - Throws: `.unavailable`.
    func publish(replacing: Bool = false) throws(StoreError) {
        try synchronize()
        guard (replacing ? rename(path, target) : renameToNew()) == 0 else {
            throw StoreError(.unavailable, "\(target) cannot be made: \(String(cString: strerror(errno)))")
        }
        try SQLiteFile.synchronizeFolder(SQLiteFolder.parent(of: target))
    }

    /// Returns when all of it is on the disk.
    func synchronize() throws(StoreError) {
        guard fsync(descriptor) == 0 else { throw unwritable() }
        guard FileIdentity(path: path) == identity else {
            throw StoreError(.unavailable, "\(path) has been removed or replaced while it was being written")
        }
    }

    private func renameToNew() -> Int32 {
        let result = cs_rename_to_new(path, target)
        guard result != 0, errno == EINVAL || errno == ENOSYS else { return result }
        // Network file systems: a link replaces nothing, either.
        guard link(path, target) == 0 else { return -1 }
        return unlink(path)
    }

    /// Removes it, unless it has been published.
    func discard() {
        if let identity, FileIdentity(path: path) == identity { SQLiteFile.remove(path) }
        close(descriptor)
    }

    private func unwritable() -> StoreError {
        StoreError(.unavailable, "\(path) cannot be written: \(String(cString: strerror(errno)))")
    }

    // MARK: What others have left

    /// Removes the files in a folder that killed processes have left. Those that are being made, or are others', stay.
    static func removeAbandoned(in folder: String, prefix: String, ending: String) {
        guard let entries = opendir(folder) else { return }
        defer { closedir(entries) }
        var names: [String] = []
        while let entry = readdir(entries) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(prefix), name.hasSuffix(ending) { names.append(name) }
        }
        for name in names { try? removeAbandoned("\(folder)/\(name)") }
    }

    /// - Throws: `.inUse` while another process makes it; `.failed` when it is no such file; `.unavailable`.
    private static func removeAbandoned(_ path: String) throws(StoreError) {
        var status = stat()
        if lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw StoreError(.failed, "\(path) is in the way, and no file: move it away")
            }
            let descriptor = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            guard descriptor >= 0 || errno == ENOENT else {
                throw StoreError(.unavailable, "\(path) is in the way: \(String(cString: strerror(errno)))")
            }
            defer { if descriptor >= 0 { close(descriptor) } }
            guard lock(descriptor) else {
                throw StoreError(
                    .inUse,
                    "\(path) is just being written by another process: wait for it, or choose another name"
                )
            }
            // Not that which another process has made in the meantime.
            guard FileIdentity(path: path) == FileIdentity(descriptor: descriptor) else { return }
            guard unlink(path) == 0 || errno == ENOENT else {
                throw StoreError(.unavailable, "\(path) is in the way: \(String(cString: strerror(errno)))")
            }
        }
        for companion in SQLiteFile.companions { unlink(path + companion) }
    }

    /// - Returns: false when another process has the lock. Where the file system has no locks, the names alone must do.
    private static func lock(_ descriptor: Int32) -> Bool {
        flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
    }
}
