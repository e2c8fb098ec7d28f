import Primitives
import Testing

@testable import Storage

@Suite struct `Plans of migrations` {
    private static let steps = (1...3).map { number in
        Migration(
            number: number,
            name: "00\(number)",
            up: ["up \(number)"],
            down: number == 2 ? nil : ["down \(number)"]
        )
    }

    /// An error of "…" stands for a run without an end.
    private func plan(_ runs: (Int, MigrationRecord.Direction, error: String?)...) -> MigrationPlan {
        let history = runs.map { number, direction, error in
            let checksum = number <= 3 ? Self.steps[number - 1].checksum : "unknown"
            return MigrationRecord(
                number: number,
                name: "00\(number)",
                checksum: checksum,
                direction: direction,
                startedAt: time(0),
                endedAt: error == "…" ? nil : time(1),
                host: "host",
                version: "9",
                error: error == "…" ? nil : error
            )
        }
        return MigrationPlan(known: Self.steps, history: history, place: "the file")
    }

    @Test func `an empty store needs all steps, in order`() throws {
        #expect(try plan().upgrade().map(\.number) == [1, 2, 3])
        #expect(try plan().upgrade(to: 2).map(\.number) == [1, 2])
        #expect(try plan().upgrade(to: 0) == [])
        #expect(try numbers(plan(), .downgrade(.steps(1))) == [])
        #expect(plan().version == 0)
    }

    @Test func `a step that was undone or failed counts as missing`() throws {
        let plan = plan((1, .up, nil), (2, .up, "broke"), (3, .up, nil), (3, .down, nil))
        #expect(plan.version == 1)
        #expect(try plan.upgrade().map(\.number) == [2, 3])
    }

    @Test func `a step whose undoing failed is still there`() throws {
        let plan = plan((1, .up, nil), (1, .down, "broke"))
        #expect(plan.version == 1)
        #expect(try plan.downgrade(to: 0).map(\.number) == [1])
    }

    @Test func `the way back is newest first, and by default one step`() throws {
        let plan = plan((1, .up, nil), (2, .up, nil), (3, .up, nil))
        #expect(try numbers(plan, .downgrade(.steps(1))) == [3])
        #expect(try plan.downgrade(to: 2).map(\.number) == [3])
        #expect(throws: MigrationError.notReversible(name: "002")) { try plan.downgrade(to: 1) }
        #expect(throws: MigrationError.notReversible(name: "002")) { try plan.downgrade(to: 0) }
    }

    @Test func `a run without an end is repaired in either direction, and is not current until then`() throws {
        let up = plan((1, .up, nil), (2, .up, "…"))
        #expect(up.version == 1)
        #expect(!up.isCurrent)
        #expect(try numbers(up, .upgrade(.head)) == [2, 3])
        #expect(throws: MigrationError.notReversible(name: "002")) { try up.downgrade(to: 1) }
        let down = plan((1, .up, nil), (2, .up, nil), (3, .up, nil), (3, .down, "…"))
        #expect(down.version == 3)
        #expect(!down.isCurrent)
        #expect(try numbers(down, .upgrade(.head)) == [3])
        #expect(try numbers(down, .downgrade(.steps(1))) == [3])
        #expect(plan((1, .up, "…"), (1, .up, nil), (2, .up, nil), (3, .up, nil)).isCurrent)
    }

    @Test func `targets are the head, the base, a number, or so many steps from here`() throws {
        let none = plan()
        let two = plan((1, .up, nil), (3, .up, nil))
        #expect(try numbers(none, .upgrade(.steps(2))) == [1, 2])
        #expect(try numbers(none, .upgrade(.steps(9))) == [1, 2, 3])
        #expect(try numbers(two, .upgrade(.steps(1))) == [2])
        #expect(try numbers(two, .upgrade(.number(1))) == [])
        #expect(try numbers(two, .downgrade(.steps(2))) == [3, 1])
        #expect(try numbers(two, .downgrade(.steps(9))) == [3, 1])
        #expect(try numbers(two, .downgrade(.base)) == [3, 1])
        #expect(try numbers(two, .downgrade(.number(1))) == [3])
        #expect(try two.resolved(.upgrade(.steps(1))) == .upgrade(.number(2)))
        #expect(try two.resolved(.downgrade(.steps(1))) == .downgrade(.number(2)))
    }

    @Test func `a stamp records what differs, also in place of another version of a step`() throws {
        let plan = plan((1, .up, nil), (3, .up, nil))
        let runs = try plan.runs(for: .stamp(2))
        #expect(runs.map(\.migration.number) == [2, 3])
        #expect(runs.map(\.direction) == [.up, .down])
        #expect(runs.map(\.isStamp) == [true, true])
        var changed = Self.steps
        changed[0].up = ["other"]
        let record = try #require(plan.applied[1])
        let other = MigrationPlan(known: changed, history: [record], place: "the file")
        #expect(throws: MigrationError.self) { try other.upgrade() }
        #expect(try numbers(other, .stamp(1)) == [1])
    }

    private func numbers(_ plan: MigrationPlan, _ request: MigrationRequest) throws -> [Int] {
        try plan.runs(for: request).map(\.migration.number)
    }

    @Test func `a target that does not exist is refused`() {
        #expect(throws: MigrationError.unknownTarget(4, newest: 3)) { try plan().upgrade(to: 4) }
        #expect(throws: MigrationError.unknownTarget(-1, newest: 3)) { try plan().downgrade(to: -1) }
    }

    @Test func `steps of a newer program forbid any run`() {
        let plan = plan((1, .up, nil), (4, .up, nil))
        #expect(plan.steps.map(\.number) == [1, 2, 3, 4])
        for attempt in [{ try plan.upgrade() }, { try plan.downgrade(to: 0) }] {
            do {
                _ = try attempt()
                Issue.record("no error was thrown")
            } catch {
                guard case MigrationError.schemaMismatch(let text) = error else {
                    Issue.record(error)
                    continue
                }
                #expect(text.contains("the file has schema version 4"))
            }
        }
    }

    @Test func `a changed statement changes the checksum, and so does moving text between statements`() {
        let step = Migration(number: 1, name: "a", up: ["ab", "c"], down: ["d"])
        var other = step
        other.name = "b"
        #expect(other.checksum == step.checksum)
        #expect(step.checksum.count == 16)
        for change in [(["a", "bc"], ["d"]), (["ab", "c", "d"], []), (["ab", "c"], nil)] {
            other.up = change.0
            other.down = change.1
            #expect(other.checksum != step.checksum)
        }
    }

    @Test func `a newer step that has no good end is seen, and nothing runs beside it`() {
        for error in ["…", "broken"] {
            let plan = plan((1, .up, nil), (2, .up, nil), (3, .up, nil), (4, .up, error))
            #expect(plan.steps.map(\.number) == [1, 2, 3, 4] && !plan.isCurrent)
            #expect(throws: MigrationError.self) { try plan.check() }
        }
    }

    /// Stores know the steps that they have by these: a changed one would be refused everywhere.
    @Test func `released steps stay as they are`() {
        let mongo = ["001_add_chat_rooms_collection 5438a5392493073f"]
        #expect(MongoMigrations.all.map { "\($0.name) \($0.checksum)" } == mongo)
        let sqlite = ["001_add_chat_rooms_collection add6544c2164604e", "002_add_answer_parts c94960c3d5f8c5f3"]
        #expect(SQLiteMigrations.all.map { "\($0.name) \($0.checksum)" } == sqlite)
    }
}
