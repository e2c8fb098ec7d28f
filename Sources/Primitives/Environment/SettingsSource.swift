import Glibc

/// Where settings are read from: the environment and a `.env` file. The environment wins.
package struct SettingsSource {
    private let environment: @Sendable (_ name: String) -> String?
    package private(set) var file = DotEnv()
    /// Why the file cannot be read, if so.
    package private(set) var fileFault: String?

    package static let fileName = ".env"
    private static let fileSizeLimit = 1 << 20

    package init(environment: [String: String], file: DotEnv = DotEnv(), fileFault: String? = nil) {
        self.init(environment: { environment[$0] }, file: file, fileFault: fileFault)
    }

    private init(environment: @escaping @Sendable (String) -> String?, file: DotEnv, fileFault: String?) {
        self.environment = environment
        self.file = file
        self.fileFault = fileFault
    }

    /// The environment of this process, and `.env` in its working folder, where there is one.
    package static func process() -> SettingsSource {
        var source = SettingsSource(
            environment: { name in getenv(name).map { String(cString: $0) } },
            file: DotEnv(),
            fileFault: nil
        )
        source.readFile(fileName)
        return source
    }

    /// Reads a `.env` file. That there is none is no fault.
    package mutating func readFile(_ path: String) {
        do throws(FileContents.Fault) {
            file = DotEnv(try FileContents.read(path, limit: Self.fileSizeLimit))
        } catch {
            if error.number != ENOENT { fileFault = error.description }
        }
    }

    /// A variable's value, and where it was found in words that follow the value; nil where it is not set.
    package func value(of name: String) -> (value: String, origin: String)? {
        if let value = environment(name) { return (value, "") }
        if let entry = file.entries[name] { return (entry.value, " (\(Self.fileName), line \(entry.line))") }
        return nil
    }
}
