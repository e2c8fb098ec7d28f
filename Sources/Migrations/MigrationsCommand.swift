import Primitives
import Storage

/// The program, without the process around it.
enum MigrationsCommand {
    struct Result: Equatable {
        var code: ExitCode
        /// For the standard output.
        var output = ""
        /// For the standard error.
        var errors = ""
    }

    static func run(
        arguments: [String],
        settings: SettingsSource = SettingsSource(environment: [:]),
        migrations: [Migration] = SQLiteMigrations.all
    ) -> Result {
        let parsed: Arguments
        do throws(Arguments.Fault) {
            parsed = try Arguments(arguments, settings: settings)
        } catch {
            return Result(code: .usage, errors: "Migrations: \(error.text)\n\n\(Arguments.usage)")
        }
        let administration = SQLiteAdministration(directory: parsed.directory, migrations: migrations)
        do throws(MigrationError) {
            switch parsed.command {
            case .help: return Result(code: .done, output: Arguments.usage)
            case .upgrade(let target): return report(try administration.upgrade(to: target), quietly: parsed.isQuiet)
            case .downgrade(let target):
                return report(try administration.downgrade(to: target), quietly: parsed.isQuiet)
            case .status(let check):
                let plan = try administration.plan()
                if check { try plan.check() }
                return status(plan, checks: check)
            }
        } catch {
            return Result(code: ExitCode(error), errors: "Migrations: \(error)\n")
        }
    }

    private static func report(_ records: [MigrationRecord], quietly: Bool) -> Result {
        guard !records.isEmpty else { return Result(code: .done, output: quietly ? "" : "nothing to do\n") }
        let lines = records.map { record in
            "\(record.direction.rawValue)  \(record.name)  \(record.endedAt.since(record.startedAt).wholeMilliseconds) ms\n"
        }
        return Result(code: .done, output: lines.joined())
    }

    private static func status(_ plan: MigrationPlan, checks: Bool) -> Result {
        let width = plan.steps.map(\.name.count).max() ?? 0
        let lines = plan.steps.map { step in
            step.name + String(repeating: " ", count: width - step.name.count) + "  " + words(for: step.state) + "\n"
        }
        let isPending = plan.steps.contains { $0.state == .pending }
        return Result(code: checks && isPending ? .pending : .done, output: lines.joined())
    }

    private static func words(for state: MigrationPlan.State) -> String {
        switch state {
        case .pending: "pending"
        case .applied(let record): "applied \(record.endedAt) by \(record.version) on \(record.host)"
        case .changed(let record): "applied \(record.endedAt) in another version of this step, by \(record.version)"
        case .unknown(let record): "applied \(record.endedAt) by \(record.version), unknown to this program"
        }
    }
}
