import HTTPServer

extension StaticFiles {
    /// The bundles without which the chat page shows answers as plain text.
    private static let pageLibraries = ["marked"]

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
        let missing = Self.pageLibraries.filter { !has($0) }
        guard !missing.isEmpty else { return [] }
        return [
            (
                "the page shows plain text: its Markdown library is not there (scripts/run fetches them and builds)",
                missing.joined(separator: ", ")
            )
        ]
    }
}
