import Primitives

/// What the command line asks for.
struct Arguments: Equatable {
    enum Command: Equatable {
        case upgrade(to: Int?)
        case downgrade(to: Int?)
        case status(check: Bool)
        case help
    }

    var command: Command
    var directory: String
    /// Whether nothing is said when there is nothing to do.
    var isQuiet = false

    /// The variable that names the store's folder, in the environment or in `.env`.
    static let directoryVariable = "DATA_DIR"

    static let usage = """
        usage: Migrations COMMAND [--data-dir DIR]

          upgrade [--to N]     runs the steps that are missing, up to step N
          downgrade [--to N]   undoes the steps beyond N; without --to: the newest one
          status [--check]     shows the steps; with --check the exit code is 4 when some are missing

          --data-dir DIR       the store's folder; default: DATA_DIR, from the environment or .env, or ./data
          --quiet              says nothing when there is nothing to do
          --help               shows this

        exit codes: 0 done, 2 usage, 3 the store is in use, 4 steps are missing, 5 failed, 6 a step cannot be undone

        """

    /// Says in a few words what is wrong.
    struct Fault: Error, Equatable {
        var text: String
    }

    init(_ arguments: [String], settings: SettingsSource) throws(Fault) {
        var name: String?
        var target: Int?
        var checks = false
        directory = "./data"
        if let value = settings.value(of: Self.directoryVariable)?.value, !value.isEmpty { directory = value }
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h":
                command = .help
                return
            case "--check": checks = true
            case "--quiet": isQuiet = true
            case "--to":
                guard let value = rest.popFirst(), let number = Int(value), number >= 0 else {
                    throw Fault(text: "--to needs the number of a step")
                }
                target = number
            case "--data-dir":
                guard let folder = rest.popFirst(), !folder.isEmpty else {
                    throw Fault(text: "--data-dir needs a folder")
                }
                directory = folder
            default:
                guard name == nil, !argument.hasPrefix("-") else { throw Fault(text: "unknown argument \(argument)") }
                name = argument
            }
        }
        command = try Self.command(name, target: target, checks: checks)
    }

    private static func command(_ name: String?, target: Int?, checks: Bool) throws(Fault) -> Command {
        switch name {
        case "upgrade", "downgrade":
            guard !checks else { throw Fault(text: "--check goes with status") }
            return name == "upgrade" ? .upgrade(to: target) : .downgrade(to: target)
        case "status":
            guard target == nil else { throw Fault(text: "--to does not go with status") }
            return .status(check: checks)
        case let name?: throw Fault(text: "unknown command \(name)")
        case nil: throw Fault(text: "a command is missing")
        }
    }
}
