import Glibc

/// Where settings are read from: the environment and a `.env` file. The environment wins.
package struct SettingsSource {
    package var environment: [String: String]
    package private(set) var file = DotEnv()
    /// Why the file cannot be read, if so.
    package private(set) var fileFault: String?

    package static let fileName = ".env"
    private static let fileSizeLimit = 1 << 20

    package init(environment: [String: String], file: DotEnv = DotEnv(), fileFault: String? = nil) {
        self.environment = environment
        self.file = file
        self.fileFault = fileFault
    }

    /// The environment of this process, of which only the variables `names` are looked at, and `.env` in its working
    /// folder, where there is one.
    package static func process(_ names: [String]) -> SettingsSource {
        var source = SettingsSource(environment: [:])
        for name in names {
            if let value = getenv(name) { source.environment[name] = String(cString: value) }
        }
        source.readFile(fileName)
        return source
    }

    /// Reads a `.env` file. That there is none is no fault.
    package mutating func readFile(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno != ENOENT { fileFault = String(cString: strerror(errno)) }
            return
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                fileFault = String(cString: strerror(errno))
                return
            }
            if count == 0 { break }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= Self.fileSizeLimit else {
                fileFault = "is larger than \(Self.fileSizeLimit) bytes"
                return
            }
        }
        file = DotEnv(bytes)
    }

    /// A variable's value, and where it was found in words that follow the value; nil where it is not set.
    package func value(of name: String) -> (value: String, origin: String)? {
        if let value = environment[name] { return (value, "") }
        if let entry = file.entries[name] { return (entry.value, " (\(Self.fileName), line \(entry.line))") }
        return nil
    }
}
