import Glibc

/// Which file a path names: another one of the same name is not the same file.
struct FileIdentity: Equatable {
    private let device: dev_t
    private let number: ino_t

    /// Nil when there is no file at `path`.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// Nil when it is none that is open.
    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    fileprivate init(_ status: stat) {
        device = status.st_dev
        number = status.st_ino
    }
}

/// A file as it was at one time: which one, how long, and when it was last written.
struct FileVersion: Equatable {
    private let identity: FileIdentity
    private let size: off_t
    /// In seconds and nanoseconds.
    private let written: [Int]

    /// Nil when there is no file at `path`.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        identity = FileIdentity(status)
        size = status.st_size
        written = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
    }
}
