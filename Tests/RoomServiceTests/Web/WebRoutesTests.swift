import Testing

@testable import RoomService

/// The page and its files over the wire.
struct WebRoutesTests {
    private static let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
    private static let html = "<!doctype html><title>Rooms</title>"

    private static var files: StaticFiles {
        var files = StaticFiles()
        files.add(StaticFile(name: "index.html", bytes: Array(html.utf8)), named: "index.html", to: "page")
        files.add(StaticFile(name: "app.js", bytes: Array("export {};".utf8)), named: "app.js", to: "page")
        return files
    }

    @Test func `the root is the page for browsers, and JSON for all others`() async throws {
        try await withService(files: Self.files) { service in
            for accept in [Self.browser, "text/html", "TEXT/*", "text/html;q=0.5, application/json;q=0.4"] {
                let response = try service.request("GET", "/", headers: [("Accept", accept)])
                #expect(response.status == 200 && response.text == Self.html, "\(accept)")
                #expect(response["Content-Type"] == "text/html; charset=utf-8" && response["Vary"] == "Accept")
            }
            let others = ["*/*", "application/json", "application/json, text/html", "", "text/html;q=0, */*"]
            for accept in others {
                let response = try service.request("GET", "/", headers: [("Accept", accept)])
                #expect(response.json["status"] == "running", "\(accept)")
                #expect(response["Vary"] == "Accept")
            }
            #expect(try service.get("/").json["status"] == "running")
        }
    }

    @Test func `the page is there for everybody at its own address, with a strict policy`() async throws {
        try await withService(files: Self.files) { service in
            let response = try service.get("/app")
            #expect(response.text == Self.html)
            let policy = (response["Content-Security-Policy"] ?? "").split(separator: "; ").map(String.init)
            let needed = [
                "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
                "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'",
            ]
            #expect(Set(policy).isSuperset(of: needed))
            #expect(!policy.contains { $0.contains("unsafe") || $0.contains("*") || $0.contains("http") })
            #expect(response["X-Content-Type-Options"] == "nosniff" && response["Referrer-Policy"] == "no-referrer")
        }
    }

    @Test func `a file that the client has is not sent again`() async throws {
        try await withService(files: Self.files) { service in
            for target in ["/app", "/assets/page/app.js"] {
                let first = try service.get(target)
                let tag = try #require(first["ETag"])
                #expect(first.status == 200 && first["Cache-Control"] == "no-cache")
                for known in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
                    let again = try service.request("GET", target, headers: [("If-None-Match", known)])
                    #expect(again.status == 304 && again.body.isEmpty && again["ETag"] == tag, "\(known)")
                    #expect(again["Content-Security-Policy"] == first["Content-Security-Policy"])
                }
                let changed = try service.request("GET", target, headers: [("If-None-Match", "\"other\"")])
                #expect(changed.status == 200 && changed.body == first.body)
            }
        }
    }

    @Test func `HEAD tells of a file what GET does`() async throws {
        try await withService(files: Self.files) { service in
            let get = try service.get("/assets/page/app.js")
            let head = try service.request("HEAD", "/assets/page/app.js")
            #expect(head.status == 200 && head.body.isEmpty)
            for field in ["ETag", "Content-Type", "Content-Length", "Cache-Control"] {
                #expect(head[field] != nil && head[field] == get[field])
            }
        }
    }

    @Test func `nothing but the files is served`() async throws {
        try await withService(files: Self.files) { service in
            let targets = [
                "/assets/page/none.js", "/assets/none/app.js", "/assets/page", "/assets", "/assets/page/../app.js",
                "/assets/page/..%2Fapp.js", "/assets/%2e%2e/app.js", "/assets/page/%2Fetc%2Fpasswd",
                "/assets/page/app.js/x",
            ]
            for target in targets {
                let response = try service.get(target)
                #expect(response.status == 404 && response.code == "NOT_FOUND", "\(target)")
            }
            #expect(try service.post("/assets/page/app.js").status == 405)
        }
    }

    @Test func `without its files the page says what is missing, and the root is JSON`() async throws {
        try await withService { service in
            let page = try service.get("/app")
            #expect(page.status == 404)
            #expect(page.error?.contains("RoomService_WebResources.resources") == true)
            let root = try service.request("GET", "/", headers: [("Accept", Self.browser)])
            #expect(root.json["status"] == "running")
        }
    }
}
