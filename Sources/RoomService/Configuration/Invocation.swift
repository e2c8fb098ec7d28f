/// What the command line asks for.
enum Invocation: Equatable {
    case serve
    /// Print `text` and end with `status`, on standard error for any but 0.
    case print(text: String, status: Int32)

    /// - Parameter arguments: without the program's name.
    init(_ arguments: [String]) {
        for argument in arguments {
            switch argument {
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
        self = .serve
    }

    static let usage = """
        Usage: \(ServiceInfo.name) [--help | --version]

        Settings are read from the environment, and from .env in the working folder; the environment wins.

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
