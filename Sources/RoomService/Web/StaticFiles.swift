import Glibc
import HTTPServer
import Primitives

/// The files that the service serves to browsers, read once at the start. What is not in here is not served: no path of a
/// request ever reaches the file system.
///
/// Each file is one of a bundle: the page's own files, or those of a library.
struct StaticFiles: Sendable {
    private var bundles: [String: [String: StaticFile]] = [:]

    /// None at all.
    init() {}

    /// Reads `page/` and `docs/` as the bundles of these names, and each folder in `vendor/` as the bundle of its name. A folder that is not
    /// there is none; entries that are no regular files, or whose names begin with a dot, are passed over.
    ///
    /// - Throws: `SystemError` when something that is there cannot be read.
    init(directory: String) throws(SystemError) {
        for name in ["page", "docs"] { try add(name, directory: "\(directory)/\(name)") }
        let vendor = directory + "/vendor"
        for name in try Self.names(in: vendor) { try add(name, directory: "\(vendor)/\(name)") }
    }

    /// Where the build has put the files: beside the program, wherever that is.
    ///
    /// - Throws: as `init(directory:)`.
    static func besideProgram() throws(SystemError) -> StaticFiles {
        try StaticFiles(directory: directoryBesideProgram)
    }

    static var directoryBesideProgram: String { "\(programFolder)/RoomService_WebResources.resources/Resources" }

    subscript(bundle: String, name: String) -> StaticFile? { bundles[bundle]?[name] }

    func has(_ bundle: String) -> Bool { bundles[bundle] != nil }

    mutating func add(_ file: StaticFile, named name: String, to bundle: String) {
        bundles[bundle, default: [:]][name] = file
    }

    private mutating func add(_ bundle: String, directory: String) throws(SystemError) {
        for name in try Self.names(in: directory) {
            guard let bytes = try Self.read("\(directory)/\(name)") else { continue }
            add(StaticFile(name: name, bytes: bytes), named: name, to: bundle)
        }
    }
}

extension StaticFiles {
    /// The entries of a folder, without those whose names begin with a dot; none where there is no such folder.
    private static func names(in directory: String) throws(SystemError) -> [String] {
        guard let folder = opendir(directory) else {
            guard errno == ENOENT || errno == ENOTDIR else { throw SystemError("opendir \(directory)") }
            return []
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    /// The bytes of a regular file; nil where it is something else.
    private static func read(_ path: String) throws(SystemError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemError("fstat \(path)") }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let read = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count)
            }
            guard read >= 0 else { throw SystemError("read \(path)") }
            guard read > 0 else { break }
            count += read
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// The folder of the running program's file; the working folder where the system does not tell.
    private static var programFolder: String {
        let path = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            count = max(0, readlink("/proc/self/exe", buffer.baseAddress!, buffer.count))
        }
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return String(decoding: path[..<slash], as: UTF8.self)
    }
}
