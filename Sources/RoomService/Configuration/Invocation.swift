/// What the command line asks for.
enum Invocation: Equatable {
    case serve
    /// Read the settings, say how they are, and end.
    case checkConfig
    /// Print `text` and end with `status`, on standard error for any but 0.
    case print(text: String, status: Int32)

    /// - Parameter arguments: without the program's name.
    init(_ arguments: [String]) {
        self = .serve
        for argument in arguments {
            switch argument {
            case "--check-config":
                self = .checkConfig
                continue
            case "--help", "-h":
                self = .print(text: Self.help, status: 0)
            case "--version":
                self = .print(text: "\(ServiceInfo.name) \(ServiceInfo.version)\n", status: 0)
            default:
                let kind = argument.hasPrefix("-") ? "option" : "argument"
                self = .print(text: "\(ServiceInfo.name): unknown \(kind) '\(argument)'\n\n\(Self.usage)", status: 2)
            }
            return
        }
    }

    static let usage = """
        Usage: \(ServiceInfo.name) [--help | --version | --check-config]

        Settings are read from the environment, and from .env in the working folder; the environment wins.
        --check-config says all that is wrong with them, or shows them, and ends with 2 or 0. It opens, makes and asks nothing.

        """

    static var help: String {
        let defaults = Settings()
        let width = SettingVariable.all.map(\.name.count).max() ?? 0
        let lines = SettingVariable.all.map { variable in
            let name = variable.name + String(repeating: " ", count: width - variable.name.count)
            let unit = variable.unit.isEmpty ? "" : " \(variable.unit)"
            return "  \(name)  \(variable.explanation) [\(variable.text(defaults))\(unit)]\n"
        }
        return "\(usage)\nSettings, with their defaults:\n\n\(lines.joined())"
    }
}
