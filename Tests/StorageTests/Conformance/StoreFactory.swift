import Foundation
import Storage
import Testing

/// Makes empty stores of one kind. Every test of the protocols runs once for each kind in `all`.
struct StoreFactory: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let withStore: @Sendable (_ body: @Sendable (any Store) async throws -> Void) async throws -> Void

    static let all = sqlite + mongo

    static let sqlite = [
        StoreFactory(testDescription: "sqlite") { body in
            try await withTemporaryFolder { folder in
                let store = try await SQLiteStore.open(directory: folder)
                do {
                    try await body(store)
                } catch {
                    await store.close()
                    throw error
                }
                await store.close()
            }
        }
    ]
}

/// Runs `body` with the path of a folder that does not exist yet and is removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("store-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder.path)
}

/// Expects `body` to throw a `StoreError` of this code.
func expect(
    _ code: StoreError.Code,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> some Any
) async {
    do {
        _ = try await body()
        Issue.record("no error was thrown", sourceLocation: sourceLocation)
    } catch let error as StoreError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
    } catch {
        Issue.record(error, sourceLocation: sourceLocation)
    }
}
