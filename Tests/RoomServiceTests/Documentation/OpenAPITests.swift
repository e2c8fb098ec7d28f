import HTTPServer
import Primitives
import Testing

@testable import RoomService

/// The API's description and the routes: what the one has, the other has.
struct OpenAPITests {
    /// The document's operations, by `GET /path`.
    private static func operations(_ service: TestService) throws -> [String: JSONObject] {
        let response = try service.get("/openapi.json")
        try #require(response.status == 200 && response["Content-Type"] == "application/json")
        var operations: [String: JSONObject] = [:]
        for path in try #require(response.json["paths"]?.objectValue).members {
            for method in path.value.objectValue?.members ?? [] {
                operations["\(method.key.uppercased()) \(path.key)"] = method.value.objectValue
            }
        }
        return operations
    }

    @Test func `every route is described, and everything described is a route`() async throws {
        try await withService { service in
            let described = Set(try Self.operations(service).keys)
            let routes = Set(service.application.routes.map { "\($0.method.name) \($0.pattern)" })
            #expect(routes.count > 30)
            #expect(described.subtracting(routes).isEmpty, "described, but no route")
            #expect(routes.subtracting(described).isEmpty, "a route, but not described")
        }
    }

    @Test func `the parameters of a path are those of its route, and all are required`() async throws {
        try await withService { service in
            let operations = try Self.operations(service)
            for route in service.application.routes {
                let operation = try #require(operations["\(route.method.name) \(route.pattern)"])
                let parameters = (operation["parameters"]?.arrayValue ?? []).compactMap(\.objectValue)
                let inPath = parameters.filter { $0["in"] == "path" }
                let named = route.pattern.split(separator: "/").filter { $0.hasPrefix("{") }
                #expect(inPath.map { $0["name"] } == named.map { .string(String($0.dropFirst().dropLast())) })
                #expect(inPath.allSatisfy { $0["required"] == true })
            }
        }
    }

    @Test func `operations have names of their own, and links name operations that there are`() async throws {
        try await withService { service in
            let operations = try Self.operations(service)
            let names = operations.values.compactMap { $0["operationId"]?.stringValue }
            #expect(Set(names).count == operations.count)
            var targets: Set<String> = []
            for operation in operations.values {
                for response in operation["responses"]?.objectValue?.members ?? [] {
                    for link in response.value.objectValue?["links"]?.objectValue?.members ?? [] {
                        targets.insert(link.value.objectValue?["operationId"]?.stringValue ?? "")
                    }
                }
            }
            #expect(!targets.isEmpty && targets.isSubset(of: names))
        }
    }

    @Test func `the description says what the rules check`() async throws {
        try await withService { service in
            let operation = try #require(try Self.operations(service)["GET /api/rooms"])
            let parameters = (operation["parameters"]?.arrayValue ?? []).compactMap(\.objectValue)
            let limit = try #require(parameters.first { $0["name"] == "limit" }?["schema"]?.objectValue)
            let most = try #require(limit["maximum"]?.integerValue)
            #expect(try service.get("/api/rooms?user_id=ada&limit=\(most)").status == 200)
            #expect(try service.get("/api/rooms?user_id=ada&limit=\(most + 1)").status == 422)
        }
    }

    @Test func `a client that has the description is not sent it again`() async throws {
        try await withService { service in
            let tag = try #require(try service.get("/openapi.json")["ETag"])
            let again = try service.request("GET", "/openapi.json", headers: [("If-None-Match", tag)])
            #expect(again.status == 304 && again.body.isEmpty)
        }
    }

    @Test func `the pages are there with their libraries, and say so where those are missing`() async throws {
        var files = StaticFiles()
        let page = StaticFile(name: "swagger-ui.html", bytes: Array("<!doctype html>".utf8))
        files.add(page, named: "swagger-ui.html", to: "docs")
        files.add(StaticFile(name: "swagger-ui.css", bytes: []), named: "swagger-ui.css", to: "swagger-ui")
        try await withService(files: files) { service in
            let response = try service.get("/docs")
            #expect(response.status == 200 && response["Content-Type"] == "text/html; charset=utf-8")
            let policy = response["Content-Security-Policy"] ?? ""
            #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"))
            let missing = try service.get("/redoc")
            #expect(missing.status == 404 && missing.error?.contains("/openapi.json") == true)
        }
    }

    @Test func `a session's user in the query must be sound, where the body names one, too`() async throws {
        try await withService { service in
            let body = #"{"user_id":"ada"}"#
            #expect(try service.post("/api/chat/session/create?user_id=bob", body).json["user_id"] == "ada")
            let faulty = try service.post("/api/chat/session/create?user_id=%20", body)
            #expect(faulty.status == 422 && faulty.text.contains("query.user_id"))
        }
    }
}
