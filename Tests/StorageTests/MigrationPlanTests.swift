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

    private func plan(_ runs: (Int, MigrationRecord.Direction, error: String?)...) -> MigrationPlan {
        let history = runs.map { number, direction, error in
            let checksum = number <= 3 ? Self.steps[number - 1].checksum : "unknown"
            return MigrationRecord(
                number: number,
                name: "00\(number)",
                checksum: checksum,
                direction: direction,
                startedAt: time(0),
                endedAt: time(1),
                host: "host",
                version: "9",
                error: error
            )
        }
        return MigrationPlan(known: Self.steps, history: history, place: "the file")
    }

    @Test func `an empty store needs all steps, in order`() throws {
        #expect(try plan().upgrade().map(\.number) == [1, 2, 3])
        #expect(try plan().upgrade(to: 2).map(\.number) == [1, 2])
        #expect(try plan().upgrade(to: 0) == [])
        #expect(try plan().downgrade() == [])
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
        #expect(try plan.downgrade().map(\.number) == [1])
    }

    @Test func `the way back is newest first, and by default one step`() throws {
        let plan = plan((1, .up, nil), (2, .up, nil), (3, .up, nil))
        #expect(try plan.downgrade().map(\.number) == [3])
        #expect(try plan.downgrade(to: 2).map(\.number) == [3])
        #expect(throws: MigrationError.notReversible(name: "002")) { try plan.downgrade(to: 1) }
        #expect(throws: MigrationError.notReversible(name: "002")) { try plan.downgrade(to: 0) }
    }

    @Test func `a target that does not exist is refused`() {
        #expect(throws: MigrationError.unknownTarget(4, newest: 3)) { try plan().upgrade(to: 4) }
        #expect(throws: MigrationError.unknownTarget(-1, newest: 3)) { try plan().downgrade(to: -1) }
    }

    @Test func `steps of a newer program forbid any run`() {
        let plan = plan((1, .up, nil), (4, .up, nil))
        #expect(plan.steps.map(\.number) == [1, 2, 3, 4])
        for attempt in [{ try plan.upgrade() }, { try plan.downgrade() }] {
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
}
