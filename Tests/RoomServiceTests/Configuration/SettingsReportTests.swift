import Primitives
import Testing

@testable import RoomService

struct SettingsReportTests {
    private func report(_ environment: [String: String], file: String = "") throws -> SettingsReport {
        let source = SettingsSource(environment: environment, file: DotEnv(Array(file.utf8)))
        return SettingsReport(try Settings.load(from: source).settings, source: source)
    }

    private func line(_ name: String, of report: SettingsReport) -> [Substring] {
        let line = report.text.split(separator: "\n").first { $0.hasPrefix("\(name)=") } ?? ""
        return line.split(separator: "#").map { $0.trimmingSpaces[...] }
    }

    @Test func `every setting is shown once, with its value and where that comes from`() throws {
        let report = try report(["PORT": "8080"], file: "# ours\nDRAIN_SECONDS=2.5\nPORT=1\n")
        for variable in SettingVariable.all {
            #expect(report.text.split(separator: "\n").count { $0.hasPrefix("\(variable.name)=") } == 1)
        }
        #expect(line("PORT", of: report) == ["PORT=8080", "environment"])
        #expect(line("DRAIN_SECONDS", of: report) == ["DRAIN_SECONDS=2.5", ".env, line 2"])
        #expect(line("LOOPS", of: report) == ["LOOPS=0", "default"])
        #expect(report.text.contains("# agent: the built-in demo agent\n"))
        #expect(report.warnings.isEmpty)
    }

    @Test func `secrets are not shown, and that they are set is`() throws {
        let report = try report([
            "MONGODB_URI": "mongodb://ada:secret-1@db/",
            "REDIS_URL": "redis://:secret-2@redis",
            "REDIS_PASSWORD": "secret-3",
            "OPENAI_API_KEY": "secret-4",
            "OPENAI_BASE_URL": "https://ada:secret-5@models.example/v1",
            "OPENAI_MODEL": "m",
        ])
        #expect(!report.text.contains("secret"))
        for name in ["MONGODB_URI", "REDIS_URL", "REDIS_PASSWORD", "OPENAI_API_KEY", "OPENAI_BASE_URL"] {
            let shown = line(name, of: report).first
            #expect(shown == "\(name)=…")
        }
        #expect(report.text.contains("# agent assistant: m at https://"))
        let defaults = try self.report([:])
        #expect(line("REDIS_URL", of: defaults).first == "REDIS_URL=")
    }

    @Test func `a value cannot make another line`() throws {
        let report = try report(["OPENAI_MODEL": "m\nPORT=1"])
        #expect(report.text.split(separator: "\n").count { $0.hasPrefix("PORT=") } == 1)
    }

    @Test(arguments: [("/proc/version/data", "/proc/version is no folder"), ("/dev/null", "/dev/null is no folder")])
    func `a data folder that cannot be is warned of`(path: String, words: String) throws {
        let warned = try report(["DATA_DIR": path])
        #expect(warned.warnings == ["DATA_DIR: \(words)"])
        for good in [["DATA_DIR": path, "MONGODB_URI": "mongodb://db/"], ["DATA_DIR": "not/yet/there"]] {
            let quiet = try report(good)
            #expect(quiet.warnings.isEmpty)
        }
    }
}
