import HTTPServer

extension StaticFiles {
    /// The bundles without which the chat page shows answers as plain text.
    private static let pageLibraries = ["marked"]

    /// Those that show the documentation.
    private static let documentationLibraries = ["redoc", "swagger-ui"]

    /// Reads the files beside the program. The service does without what is not there or cannot be read, and says so.
    static func load(logger: Logger) -> StaticFiles {
        do throws(SystemError) {
            let files = try besideProgram()
            for (warning, names) in files.warnings { logger.warning(warning, ["missing": .string(names)]) }
            return files
        } catch {
            logger.warning("no page: its files cannot be read", ["error": .error(error)])
            return StaticFiles()
        }
    }

    private var warnings: [(String, String)] {
        guard has("page") else {
            return [("no page: its files are not beside the program", Self.directoryBesideProgram)]
        }
        let missing = [
            ("the page shows plain text: its Markdown library is not there", Self.pageLibraries),
            ("no /docs and /redoc: their libraries are not there", Self.documentationLibraries),
        ].map { (warning: $0.0, names: $0.1.filter { !has($0) }) }
        return missing.filter { !$0.names.isEmpty }.map {
            ("\($0.warning) (scripts/run fetches them and builds)", $0.names.joined(separator: ", "))
        }
    }
}
