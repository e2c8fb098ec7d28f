import Primitives
import Storage

/// Puts results into words: a table for people, or one JSON object.
struct Report {
    var isJSON: Bool

    func runs(_ runs: [MigrationRun], isQuiet: Bool) -> MigrationsCommand.Result {
        let output: String
        if isJSON {
            output = line(["dry_run": true, "runs": .array(runs.map(Self.json))])
        } else if runs.isEmpty {
            output = isQuiet ? "" : "nothing to do\n"
        } else {
            let rows = runs.map { ["would run", $0.direction.rawValue, $0.migration.name, $0.isStamp ? "stamp" : ""] }
            output = table(rows)
        }
        return MigrationsCommand.Result(code: .done, output: output)
    }

    /// - Parameter none: what to say when there are none.
    func records(_ records: [MigrationRecord], none: String, areDated: Bool = false) -> MigrationsCommand.Result {
        let output: String
        if isJSON {
            output = line(["runs": .array(records.map(Self.json))])
        } else if records.isEmpty {
            output = none
        } else {
            output = table(records.map { areDated ? Self.dated($0) : Self.brief($0) })
        }
        return MigrationsCommand.Result(code: .done, output: output)
    }

    func status(_ plan: MigrationPlan) -> String {
        guard isJSON else { return table(plan.steps.map { [$0.name, Self.words(for: $0.state)] }) }
        return line([
            "version": .integer(Int64(plan.version)), "newest": .integer(Int64(plan.knownVersion)),
            "is_current": .bool(plan.isCurrent), "steps": .array(plan.steps.map(Self.json)),
        ])
    }

    func faults(_ faults: [String], hasSteps: Bool) -> String {
        if isJSON { return line(["faults": .array(faults.map { .string($0) })]) }
        guard faults.isEmpty else { return faults.map { $0 + "\n" }.joined() }
        return hasSteps ? "as recorded\n" : "as recorded: no step has been run\n"
    }

    func unlocked(_ wasLocked: Bool) -> String {
        if isJSON { return line(["unlocked": .bool(wasLocked)]) }
        return wasLocked ? "the lock is free now\n" : "there was no lock\n"
    }

    func backup(_ backup: SQLiteBackup.Result) -> MigrationsCommand.Result {
        let text = "made \(backup.path): \(backup.size) bytes, schema version \(backup.version), checked\n"
        if isJSON { return MigrationsCommand.Result(code: .done, output: line(["backup": Self.json(backup)])) }
        var warning = ""
        if !backup.differences.isEmpty {
            let list = Self.printable(SQLiteBackup.list(backup.differences))
            warning =
                "Migrations: warning: the store's schema is not as this service makes it, and a restore refuses this: \(list)\n"
        }
        return MigrationsCommand.Result(code: .done, output: text, errors: warning)
    }

    func restored(_ store: SQLiteBackup.Result, from path: String) -> MigrationsCommand.Result {
        let former = store.former.map { "the former store is \($0)\n" } ?? ""
        let size = "\(store.size) bytes, schema version \(store.version)"
        let text = "restored \(store.path) from \(path): \(size)\n\(former)"
        return MigrationsCommand.Result(code: .done, output: isJSON ? line(["restore": Self.json(store)]) : text)
    }

    /// Arguments that make no sense, as JSON.
    func misuse(_ text: String) -> MigrationsCommand.Result {
        let error: JSONObject = ["code": .string("\(ExitCode.usage)"), "message": .string(text)]
        return MigrationsCommand.Result(code: .usage, output: line(["error": .object(error), "runs": []]))
    }

    /// - Parameter done: what was run before.
    func failure(_ error: MigrationError, after done: [MigrationRecord]) -> MigrationsCommand.Result {
        let code = ExitCode(error)
        guard isJSON else {
            let output = table(done.map(Self.brief))
            return MigrationsCommand.Result(
                code: code,
                output: output,
                errors: "Migrations: \(Self.printable("\(error)"))\n"
            )
        }
        let object: JSONObject = [
            "error": ["code": .string("\(code)"), "message": .string("\(error)")],
            "runs": .array(done.map(Self.json)),
        ]
        return MigrationsCommand.Result(code: code, output: line(object))
    }

    // MARK: Words

    /// What steers a terminal, ends a line, or changes the order in which it is read.
    private static let hidden: Set<Unicode.GeneralCategory> = [.control, .format, .lineSeparator, .paragraphSeparator]

    /// What a file says that comes from elsewhere must not command the terminal, nor look like a line of ours.
    private static func printable(_ text: String) -> String {
        var printable = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if hidden.contains(scalar.properties.generalCategory) {
                printable.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            } else {
                printable.append(scalar)
            }
        }
        return String(printable)
    }

    private static func brief(_ record: MigrationRecord) -> [String] {
        [record.direction.rawValue, record.name, outcome(of: record)]
    }

    private static func dated(_ record: MigrationRecord) -> [String] {
        [
            String(record.run), record.direction.rawValue, record.name, record.startedAt.description,
            "by \(record.version) on \(record.host)", outcome(of: record),
        ]
    }

    private static func outcome(of record: MigrationRecord) -> String {
        if record.isStamp { return "stamp" }
        guard let duration = record.duration else { return "not ended" }
        return record.error.map { "failed: \($0)" } ?? "\(duration.wholeMilliseconds) ms"
    }

    private static func words(for state: MigrationPlan.State) -> String {
        switch state {
        case .pending: "pending"
        case .applied(let record): "applied \(end(of: record)) by \(record.version) on \(record.host)"
        case .broken(let record) where record.error == nil:
            "\(record.direction.rawValue) begun \(record.startedAt) on \(record.host) and not ended: runs, or to be repaired"
        case .broken(let record): "\(record.direction.rawValue) failed \(end(of: record)): \(record.error ?? "")"
        case .changed(let record): "applied \(end(of: record)) in another version of this step, by \(record.version)"
        case .unknown(let record): "applied \(end(of: record)) by \(record.version), unknown to this program"
        }
    }

    private static func end(of record: MigrationRecord) -> String { record.endedAt?.description ?? "" }

    /// Columns as wide as they must be, two spaces apart.
    private func table(_ rows: [[String]]) -> String {
        var widths: [Int] = []
        for row in rows {
            for (column, text) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], text.count)
            }
        }
        return rows.map { row in
            var line = ""
            for (column, text) in row.enumerated() {
                line += text + String(repeating: " ", count: widths[column] - text.count + 2)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }
        .joined()
    }
}
