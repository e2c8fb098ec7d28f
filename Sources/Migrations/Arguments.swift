import Primitives
import Storage

/// What the command line asks for.
struct Arguments: Equatable {
    enum Command: Equatable {
        case run(MigrationRequest)
        case status(check: Bool)
        case history
        case verify
        case unlock
        case backup(target: String)
        case restore(path: String)
        case help

        /// Whether it can be done to no other.
        var isOfEmbeddedStore: Bool {
            switch self {
            case .backup, .restore: true
            default: false
            }
        }
    }

    var command: Command
    var store: StoreLocation
    /// Whether nothing is said when there is nothing to do.
    var isQuiet = false
    /// Whether it is only said what would be run.
    var isDryRun = false
    var isJSON = false
    /// How long to wait for the lock, in seconds.
    var lockTimeout = 10

    static let usage = """
        usage: Migrations COMMAND [OPTION]...

          upgrade [head | +N | NNN]     runs the steps that are missing: all, the next N, or up to step NNN
          downgrade [-N | NNN | base]   undoes the newest N steps (default: -1), those beyond step NNN, or all
          status [--check]              shows the steps; with --check the exit code is 4 when some are missing
          history                       shows all runs
          verify                        compares the store with what its steps make
          stamp NNN                     records the steps up to NNN as run, and no others, without running any
          unlock --force                frees the lock that a dead runner has left
          backup FILE | FOLDER          copies the embedded store, which may be in use, and checks the copy
          restore FILE                  puts such a copy in its place, and keeps the former store beside it

          --dry-run          says what upgrade, downgrade or stamp would run, and writes nothing
          --lock-timeout S   how many seconds to wait for another runner; default: 10
          --json             output for programs
          --quiet            says nothing when there is nothing to do
          --data-dir DIR     the folder of the embedded store; default: DATA_DIR, or ./data
          --help             shows this

        MONGODB_URI and MONGODB_DB_NAME (default: careguide) choose MongoDB instead of the embedded store. They and DATA_DIR
        are read from the environment or from .env.

        exit codes: 0 done, 2 usage, 3 the store or its lock is in use, 4 steps are missing, 5 failed,
                    6 a step cannot be undone

        """

    /// Says in a few words what is wrong.
    struct Fault: Error, Equatable {
        var text: String
        /// What to write instead.
        var usage = Arguments.usage
    }

    private static func usage(_ command: String) -> String {
        "usage: Migrations \(command) [--data-dir DIR] [--json]     (Migrations --help shows all)\n"
    }

    init(_ arguments: [String], settings: SettingsSource) throws(Fault) {
        var words: [String] = []
        var flags: Set<String> = []
        var directory: String?
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h": flags.insert("--help")
            case "--check", "--force", "--dry-run", "--quiet", "--json": flags.insert(argument)
            case "--lock-timeout":
                guard let value = rest.popFirst(), let seconds = Int(value), (0...86_400).contains(seconds) else {
                    throw Fault(text: "--lock-timeout needs a number of seconds, up to 86400")
                }
                lockTimeout = seconds
            case "--data-dir":
                guard let folder = rest.popFirst(), !folder.isEmpty else {
                    throw Fault(text: "--data-dir needs a folder")
                }
                directory = folder
            default:
                guard !argument.hasPrefix("-") || Self.count(argument, after: "-") != nil else {
                    throw Fault(text: "unknown option \(argument)")
                }
                words.append(argument)
            }
        }
        store = StoreLocation(directory: directory, settings: settings)
        isQuiet = flags.contains("--quiet")
        isDryRun = flags.contains("--dry-run")
        isJSON = flags.contains("--json")
        command = flags.contains("--help") ? .help : try Self.command(words, flags)
        if command.isOfEmbeddedStore, case .mongoDB = store {
            throw Fault(
                text: "MONGODB_URI is set, and \(words[0]) is for the embedded store (--data-dir chooses it): "
                    + "MongoDB has mongodump and mongorestore"
            )
        }
    }

    private static func command(_ words: [String], _ flags: Set<String>) throws(Fault) -> Command {
        guard let name = words.first else { throw Fault(text: "a command is missing") }
        guard words.count <= 2 else { throw Fault(text: "unknown argument \(words[2])") }
        let command = try command(name, target: words.count > 1 ? words[1] : nil)
        if flags.contains("--check"), name != "status" { throw Fault(text: "--check goes with status") }
        if flags.contains("--force") != (command == .unlock) {
            throw Fault(text: command == .unlock ? "unlock needs --force" : "--force goes with unlock")
        }
        if flags.contains("--dry-run") {
            guard case .run = command else { throw Fault(text: "--dry-run does not go with \(name)") }
        }
        return command == .status(check: false) ? .status(check: flags.contains("--check")) : command
    }

    private static func command(_ name: String, target: String?) throws(Fault) -> Command {
        switch (name, target) {
        case ("backup", let target?) where !target.isEmpty: return .backup(target: target)
        case ("backup", _):
            throw Fault(
                text: "backup needs the name of the file to be made, or a folder",
                usage: usage("backup FILE | FOLDER")
            )
        case ("restore", let path?) where !path.isEmpty: return .restore(path: path)
        case ("restore", _):
            throw Fault(text: "restore needs the name of a backup", usage: usage("restore FILE"))
        case ("upgrade", nil), ("upgrade", "head"): return .run(.upgrade(.head))
        case ("downgrade", nil): return .run(.downgrade(.steps(1)))
        case ("downgrade", "base"): return .run(.downgrade(.base))
        case ("upgrade", let target?):
            if let count = count(target, after: "+") { return .run(.upgrade(.steps(count))) }
            return .run(.upgrade(.number(try number(target))))
        case ("downgrade", let target?):
            if let count = count(target, after: "-") { return .run(.downgrade(.steps(count))) }
            return .run(.downgrade(.number(try number(target))))
        case ("stamp", let target?): return .run(.stamp(try number(target)))
        case ("stamp", nil): throw Fault(text: "stamp needs the number of a step")
        case ("status", nil): return .status(check: false)
        case ("history", nil): return .history
        case ("verify", nil): return .verify
        case ("unlock", nil): return .unlock
        case ("status", let extra?), ("history", let extra?), ("verify", let extra?), ("unlock", let extra?):
            throw Fault(text: "unknown argument \(extra)")
        default: throw Fault(text: "unknown command \(name)")
        }
    }

    /// The number in `+2` or `-2`.
    private static func count(_ text: String, after sign: Character) -> Int? {
        guard text.first == sign, let count = try? number(String(text.dropFirst())), count > 0 else { return nil }
        return count
    }

    /// As `1` or `001`.
    private static func number(_ text: String) throws(Fault) -> Int {
        guard !text.isEmpty, text.utf8.allSatisfy({ isDigit($0) }), let number = Int(text) else {
            throw Fault(text: "\(text) is no step: head, base, or a number is")
        }
        return number
    }
}
