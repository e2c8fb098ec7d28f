import Foundation
import Primitives
import Testing

@testable import Storage

/// Runners of both stores that meet, or that die.
@Suite(.serialized) struct `Several runners of migrations` {
    private static let runnerCount = 24

    @Test(arguments: MigrationSite.all)
    func `of many at once, one runs the steps`(site: MigrationSite) async throws {
        try await site.use { place in
            let runners = try (0..<Self.runnerCount).map { _ in
                try BuiltProgram("Migrations", ["upgrade", "--lock-timeout", "120"], environment: place.environment)
            }
            // Read before the wait, as a full pipe would hold them up.
            let outputs = runners.map(\.text)
            #expect(runners.map(\.exitCode) == Array(repeating: 0, count: Self.runnerCount), "\(outputs)")
            let engine = try place.engine()
            let records = try engine.history()
            #expect(records.map(\.isDone) == engine.known.map { _ in true })
            #expect(outputs.filter { $0 == "nothing to do\n" }.count == Self.runnerCount - 1, "\(outputs)")
        }
    }

    @Test(arguments: MigrationSite.all)
    func `what one leaves that was killed in the middle of a step is seen, and repaired by the next`(
        site: MigrationSite
    ) async throws {
        try await site.use { place in
            let runner = try BuiltProgram("MigrationRunnerProcess", place.runnerArguments)
            #expect(runner.firstOutput() == "in step\n")
            runner.kill()

            let engine = try place.engine()
            let plan = try engine.plan()
            #expect(!plan.isCurrent)
            let left = try #require(try place.engine().history().first)
            #expect(left.endedAt == nil)
            #expect(plan.steps.map(\.state) == [.broken(left)] + engine.known.dropFirst().map { _ in .pending })
            let check = try BuiltProgram("Migrations", ["status", "--check"], environment: place.environment)
            #expect(check.exitCode == 4)
            try await place.outlive(runner)

            let next = try BuiltProgram("Migrations", ["upgrade"], environment: place.environment)
            #expect(next.exitCode == 0, "\(next.text)")
            #expect(try place.engine().plan().isCurrent)
            let records = try place.engine().history()
            #expect(records.first == left)
            #expect(records.map(\.isDone) == [false] + engine.known.map { _ in true })
        }
    }
}
