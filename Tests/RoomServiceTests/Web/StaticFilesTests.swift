import Foundation
import HTTPServer
import Testing

@testable import RoomService

struct StaticFilesTests {
    @Test func `the page's own files are one bundle, and each library is another`() throws {
        try withFolder(["page/index.html": "<!doctype html>", "vendor/marked/marked.esm.js": "export {};"]) { folder in
            let files = try StaticFiles(directory: folder)
            #expect(files["page", "index.html"]?.bytes == Array("<!doctype html>".utf8))
            #expect(files["marked", "marked.esm.js"]?.bytes == Array("export {};".utf8))
            #expect(files["vendor", "marked"] == nil && files["page", "marked.esm.js"] == nil)
        }
    }

    @Test func `hidden files, folders within a bundle and files beside the bundles are not served`() throws {
        let texts = ["page/.hidden": "x", "page/inner/file.js": "x", "vendor/loose.js": "x", "secret.txt": "x"]
        try withFolder(texts) { folder in
            let files = try StaticFiles(directory: folder)
            for (bundle, name) in [("page", ".hidden"), ("page", "inner"), ("inner", "file.js"), ("", "secret.txt")] {
                #expect(files[bundle, name] == nil)
            }
            #expect(!files.has("loose.js"))
        }
    }

    @Test func `a folder that is not there has no files`() throws {
        #expect(try !StaticFiles(directory: "/nowhere/at/all").has("page"))
    }

    @Test func `what is there and cannot be read is an error that names it`() throws {
        try withFolder(["page/index.html": "x"]) { folder in
            let link = "\(folder)/page/broken.js"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "\(folder)/nothing")
            let error = #expect(throws: SystemError.self) { try StaticFiles(directory: folder) }
            #expect(error?.description == "open \(link): No such file or directory")
        }
    }

    @Test func `other bytes have another ETag, and the same bytes the same one`() {
        let tags = ["", "a", "b", "aa", "ab", "ba"].map { StaticFile(name: "x", bytes: Array($0.utf8)).etag }
        #expect(Set(tags).count == tags.count)
        #expect(StaticFile(name: "y", bytes: Array("ab".utf8)).etag == tags[4])
        #expect(tags.allSatisfy { $0.hasPrefix("\"") && $0.hasSuffix("\"") && !$0.contains(",") })
    }

    @Test(
        arguments: [
            ("a.css", "text/css; charset=utf-8"), ("a.min.js", "text/javascript; charset=utf-8"),
            ("a.svg", "image/svg+xml"), ("a.webmanifest", "application/manifest+json"),
            ("a", "application/octet-stream"), ("a.exe", "application/octet-stream"),
        ]
    )
    func `the ending tells the content's type`(name: String, type: String) {
        #expect(StaticFile(name: name, bytes: []).contentType == type)
    }
}

/// Runs `body` with a folder that has these files.
private func withFolder(_ texts: [String: String], body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("static-files-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    for (path, text) in texts {
        let file = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }
    try body(folder.path)
}
