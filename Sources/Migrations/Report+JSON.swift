import Primitives
import Storage

extension Report {
    func line(_ object: JSONObject) -> String {
        String(decoding: JSONValue.object(object).encoded, as: UTF8.self) + "\n"
    }

    static func json(_ run: MigrationRun) -> JSONValue {
        [
            "number": .integer(Int64(run.migration.number)), "name": .string(run.migration.name),
            "direction": .string(run.direction.rawValue), "stamped": .bool(run.isStamp),
        ]
    }

    static func json(_ record: MigrationRecord) -> JSONValue {
        [
            "run": .integer(Int64(record.run)), "number": .integer(Int64(record.number)), "name": .string(record.name),
            "checksum": .string(record.checksum), "direction": .string(record.direction.rawValue),
            "started_at": .string(record.startedAt.description),
            "ended_at": record.endedAt.map { .string($0.description) } ?? .null,
            "host": .string(record.host), "version": .string(record.version),
            "error": record.error.map { .string($0) } ?? .null, "stamped": .bool(record.isStamp),
        ]
    }

    static func json(_ copy: SQLiteBackup.Result) -> JSONValue {
        [
            "path": .string(copy.path), "bytes": .integer(Int64(copy.size)), "version": .integer(Int64(copy.version)),
            "former": copy.former.map { .string($0) } ?? .null,
            "differences": .array(copy.differences.map { .string($0) }),
        ]
    }

    static func json(_ step: MigrationPlan.Step) -> JSONValue {
        let (state, record) = named(step.state)
        return [
            "number": .integer(Int64(step.number)), "name": .string(step.name), "state": .string(state),
            "run": record.map(json) ?? .null,
        ]
    }

    private static func named(_ state: MigrationPlan.State) -> (String, MigrationRecord?) {
        switch state {
        case .pending: ("pending", nil)
        case .applied(let record): ("applied", record)
        case .broken(let record): ("broken", record)
        case .changed(let record): ("changed", record)
        case .unknown(let record): ("unknown", record)
        }
    }
}
