import Primitives
import Testing

@testable import Storage

@Suite(.enabled(if: MongoTestServer.isConfigured)) struct `Query plans of MongoDB` {
    /// A filter that the store has sent, and the order that it wanted.
    private struct Query: Sendable {
        var collection: String
        var filter: [UInt8]
        var sort: [UInt8]?
    }

    @Test func `every query goes by an index`() async throws {
        try await withLoggedStore { store, log in
            try await exercise(store)
            let queries = log.take().flatMap { Self.queries(of: $0) }
            #expect(queries.count > 40)
            var explained = 0
            let isMongoDB = try await MongoTestServer.isMongoDB(store)
            for query in queries {
                let (plan, filter) = try await Self.plan(of: query, store)
                // The one query that wants all there is: the running streams.
                if filter == [:] {
                    #expect(query.collection == MongoSchema.streams)
                    continue
                }
                #expect(Self.hasIndex(query.collection, filter), "\(query.collection) \(filter)")
                guard isMongoDB || Self.isForSimpleServer(query.collection, filter) else { continue }
                explained += 1
                #expect(Self.isByIndex(plan, query.collection), "\(query.collection) \(filter): \(plan)")
            }
            #expect(explained > 10)
        }
    }

    /// The test server uses indexes of one key, to look for one value.
    private static func isForSimpleServer(_ collection: String, _ filter: JSONObject) -> Bool {
        guard filter.count == 1, filter.members[0].value.stringValue != nil else { return false }
        return MongoSchema.indexes.contains {
            $0.collection == collection && $0.keys.count == 1 && "\($0.keys[0].field)" == filter.members[0].key
        }
    }

    /// Whether there is an index whose first key the filter narrows down.
    private static func hasIndex(_ collection: String, _ filter: JSONObject) -> Bool {
        if let branches = filter["$or"]?.arrayValue {
            return branches.allSatisfy { hasIndex(collection, $0.objectValue ?? [:]) }
        }
        return MongoSchema.indexes.contains { index in
            guard index.collection == collection, let key = index.keys.first else { return false }
            guard let condition = filter["\(key.field)"] else { return false }
            if let text = index.onlyText { return condition.stringValue == "\(text)" }
            if let field = index.onlyWith, filter["\(field)"] == nil { return false }
            return condition.objectValue?["$nin"] == nil && condition.objectValue?["$exists"] == nil
        }
    }

    /// Both languages in which plans are told: stages, and SQLite's sentences.
    private static func isByIndex(_ plan: String, _ collection: String) -> Bool {
        guard plan.contains("IXSCAN") || plan.contains("USING") || plan.contains("IDHACK") else { return false }
        return !plan.contains("COLLSCAN") && !plan.contains("\"SCAN \(collection)\"")
    }

    private static func plan(of query: Query, _ store: MongoStore) async throws -> (String, JSONObject) {
        try await store.pool.run { connection throws(MongoError) in
            let filter = BSONDocument(bytes: query.filter)
            let find: BSONDocument = ["find": .string(query.collection), "filter": .document(filter)]
            find.append("sort", ifPresent: query.sort.map { .document(BSONDocument(bytes: $0)) })
            let plan = try connection.command(
                "explain",
                ["explain": .document(find), "verbosity": "queryPlanner"]
            ) { reply in
                let plan = reply.object["queryPlanner"]?.objectValue?["winningPlan"] ?? .null
                return String(decoding: plan.encoded, as: UTF8.self)
            }
            return (plan, filter.read { $0.object })
        }
    }

    private static func queries(of command: MongoCommand) -> [Query] {
        guard let collection = command.collection else { return [] }
        var queries: [Query] = []
        BSONDocument(bytes: command.bytes).read { document in
            let sort = document.withDocument("sort") { Array($0.buffer) }
            func add(_ view: borrowing BSONView, _ field: StaticString) {
                guard let filter = view.withDocument(field, { Array($0.buffer) }) else { return }
                queries.append(Query(collection: collection, filter: filter, sort: sort))
            }
            switch command.name {
            case "find": add(document, "filter")
            case "count", "findAndModify": add(document, "query")
            case "update": document.forEachDocument(in: "updates") { add($0, "q") }
            case "delete": document.forEachDocument(in: "deletes") { add($0, "q") }
            case "aggregate": document.forEachDocument(in: "pipeline") { add($0, "$match") }
            default: break
            }
        }
        return queries
    }
}
