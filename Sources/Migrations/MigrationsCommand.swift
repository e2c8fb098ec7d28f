import Primitives
import Storage

/// The program, without the process around it.
struct MigrationsCommand {
    struct Result: Equatable {
        var code: ExitCode
        /// For the standard output.
        var output = ""
        /// For the standard error.
        var errors = ""
    }

    private let arguments: Arguments
    private let engine: MigrationEngine
    private let report: Report
    private let signals: HeldSignals

    /// - Parameters:
    ///   - migrations: nil for those of the store.
    ///   - signals: are held from when something is being made that a signal must not leave by half.
    static func run(
        arguments: [String],
        settings: SettingsSource = SettingsSource(environment: [:]),
        migrations: [Migration]? = nil,
        signals: HeldSignals = HeldSignals()
    ) -> Result {
        let parsed: Arguments
        do throws(Arguments.Fault) {
            parsed = try Arguments(arguments, settings: settings)
        } catch {
            // Programs that ask for JSON get it, also when they ask wrongly.
            if arguments.contains("--json") { return Report(isJSON: true).misuse(error.text) }
            return Result(code: .usage, errors: "Migrations: \(error.text)\n\n\(error.usage)")
        }
        if parsed.command == .help { return Result(code: .done, output: Arguments.usage) }
        let report = Report(isJSON: parsed.isJSON)
        do throws(StoreError) {
            let engine = MigrationEngine(
                try parsed.store.backend(),
                known: migrations ?? parsed.store.migrations,
                lockTimeout: .seconds(parsed.lockTimeout)
            )
            return MigrationsCommand(arguments: parsed, engine: engine, report: report, signals: signals).run()
        } catch {
            return report.failure(.store(error), after: [])
        }
    }

    private func run() -> Result {
        var done: [MigrationRecord] = []
        do throws(MigrationError) {
            switch arguments.command {
            case .run(let request) where arguments.isDryRun:
                return report.runs(try engine.preview(request), isQuiet: arguments.isQuiet)
            case .run(let request):
                try engine.perform(request) { done.append($0) }
                return report.records(done, none: arguments.isQuiet ? "" : "nothing to do\n")
            case .status(let check):
                let plan = try engine.plan()
                if check { try plan.check() }
                return Result(code: check && !plan.isCurrent ? .pending : .done, output: report.status(plan))
            case .history: return report.records(try engine.history(), none: "no runs\n", areDated: true)
            case .verify:
                let faults = try engine.verify()
                let hasSteps = try engine.plan().version > 0
                return Result(code: faults.isEmpty ? .done : .failed, output: report.faults(faults, hasSteps: hasSteps))
            case .unlock:
                return Result(code: .done, output: report.unlocked(try engine.breakLock()))
            case .backup(let target):
                return report.backup(try copying { copies throws(StoreError) in try copies.make(at: target) })
            case .restore(let path):
                let store = try copying { copies throws(StoreError) in try copies.restore(from: path) }
                return report.restored(store, from: path)
            case .help: return Result(code: .done, output: Arguments.usage)
            }
        } catch {
            return report.failure(error, after: done)
        }
    }

    private func copying(
        _ body: (SQLiteBackup) throws(StoreError) -> SQLiteBackup.Result
    ) throws(MigrationError) -> SQLiteBackup.Result {
        guard case .embedded(let directory) = arguments.store else { preconditionFailure("refused with the arguments") }
        signals.hold()
        do throws(StoreError) {
            return try body(SQLiteBackup(directory: directory) { signals.arePending })
        } catch {
            throw .store(error)
        }
    }
}
