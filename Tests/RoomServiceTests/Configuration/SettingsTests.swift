import Glibc
import Primitives
import Testing

@testable import RoomService

struct SettingsTests {
    private func load(_ environment: [String: String], file: String = "") throws(SettingsError) -> Settings {
        try Settings.load(from: source(environment, file: file)).settings
    }

    private func source(_ environment: [String: String], file: String = "") -> SettingsSource {
        SettingsSource(environment: environment, file: DotEnv(Array(file.utf8)))
    }

    private func faults(_ environment: [String: String], file: String = "") -> [String] {
        do throws(SettingsError) {
            _ = try load(environment, file: file)
            return []
        } catch {
            return error.faults
        }
    }

    @Test func `nothing set means the defaults`() throws {
        let settings = try load([:])
        #expect(settings == Settings())
        #expect(settings.host == "127.0.0.1" && settings.port == 8000 && settings.loops == 0)
        #expect(settings.dataDirectory == "./data")
        #expect(settings.demoRate == 20 && settings.demoTokens == 0 && settings.contextMaxCharacters == 24_000)
        #expect(settings.maxRoomsPerUser == 50 && settings.maxStreamsPerUser == 5 && settings.maxStreams == 50_000)
        #expect(settings.sessionTimeout == .seconds(1800) && settings.sessionIdle == .seconds(600))
        #expect(settings.streamRetention == .seconds(300) && settings.streamMemory == 536_870_912)
        #expect(settings.stuckReader == .seconds(30) && settings.heartbeat == .seconds(15))
        #expect(settings.maxBody == 1_048_576 && settings.maxConnections == 100_000)
        #expect(settings.headerTimeout == .seconds(10) && settings.bodyTimeout == .seconds(30))
        #expect(settings.idleTimeout == .seconds(75) && settings.drain == .seconds(10))
        #expect(settings.corsOrigins == .any && settings.rateLimits == .standard)
        #expect(settings.logLevel == .info && settings.logFormat == .auto)
    }

    @Test func `every variable sets something, in its unit`() throws {
        let settings = try load([
            "HOST": "::1", "PORT": "0", "LOOPS": "4", "DATA_DIR": "/var/lib/rooms", "DEMO_RATE": "12.5",
            "DEMO_TOKENS": "100", "CONTEXT_MAX_CHARS": "1", "MAX_ROOMS_PER_USER": "2", "MAX_STREAMS_PER_USER": "3",
            "MAX_STREAMS": "5", "SESSION_TIMEOUT_MINUTES": "1", "SESSION_IDLE_MINUTES": "0.5",
            "STREAM_RETENTION_SECONDS": "0", "STREAM_MEMORY_MB": "2", "STUCK_READER_SECONDS": "6",
            "HEARTBEAT_SECONDS": "0.25", "MAX_BODY_BYTES": "1024", "MAX_CONNECTIONS": "8",
            "HEADER_TIMEOUT_SECONDS": "9",
            "BODY_TIMEOUT_SECONDS": "11", "IDLE_TIMEOUT_SECONDS": "12", "DRAIN_SECONDS": "13",
            "CORS_ORIGINS": "https://a.example, http://localhost:3000", "RATE_LIMITS": "off", "LOG_LEVEL": "trace",
            "LOG_FORMAT": "text",
        ])
        var expected = Settings()
        expected.host = "::1"
        expected.port = 0
        expected.loops = 4
        expected.dataDirectory = "/var/lib/rooms"
        expected.demoRate = 12.5
        expected.demoTokens = 100
        expected.contextMaxCharacters = 1
        expected.maxRoomsPerUser = 2
        expected.maxStreamsPerUser = 3
        expected.maxStreams = 5
        expected.sessionTimeout = .seconds(60)
        expected.sessionIdle = .seconds(30)
        expected.streamRetention = .zero
        expected.streamMemory = 2 << 20
        expected.stuckReader = .seconds(6)
        expected.heartbeat = .milliseconds(250)
        expected.maxBody = 1024
        expected.maxConnections = 8
        expected.headerTimeout = .seconds(9)
        expected.bodyTimeout = .seconds(11)
        expected.idleTimeout = .seconds(12)
        expected.drain = .seconds(13)
        expected.corsOrigins = try #require(CORSOrigins("https://a.example,http://localhost:3000"))
        expected.rateLimits = .off
        expected.logLevel = .trace
        expected.logFormat = .text
        #expect(settings == expected)
    }

    @Test func `every default can be written as a value, and means itself`() {
        for variable in SettingVariable.all {
            var settings = Settings()
            let isAllowed = variable.set(variable.text(Settings()), &settings)
            #expect(isAllowed, "\(variable.name)")
            #expect(settings == Settings(), "\(variable.name)")
        }
        #expect(Set(SettingVariable.all.map(\.name)).count == SettingVariable.all.count)
    }

    @Test func `the environment wins over the file`() throws {
        let settings = try load(["PORT": "9000"], file: "PORT=7000\nHOST='localhost'\n")
        #expect(settings.port == 9000)
        #expect(settings.host == "127.0.0.1")
    }

    @Test func `all faults are told at once, with what is allowed`() {
        let faults = faults(
            ["PORT": "65536", "LOG_LEVEL": "loud"],
            file: "HOST=example.org\n\nnonsense\nDRAIN_SECONDS=-1"
        )
        #expect(
            faults == [
                ".env, line 3: has no '='",
                "HOST='example.org' (.env, line 1): must be a numeric IP address, or localhost",
                "PORT='65536': must be a whole number from 0 to 65535",
                "DRAIN_SECONDS='-1' (.env, line 4): must be a number of seconds from 0 to 86400",
                "LOG_LEVEL='loud': must be one of trace, debug, info, warning, error",
            ]
        )
    }

    @Test(
        arguments: [
            ("PORT", ["", "-1", "80 80", "0x50", "8e3", "٣", "99999999999999999999"]),
            ("HOST", ["", "localhost:80", "1.2.3", "1.2.3.4.5", "[::1]", "*"]),
            ("DEMO_RATE", ["", "-1", "100001", "nan", "inf", "1e3", "0x1p3", "1,5", "."]),
            ("DEMO_TOKENS", ["1.5", "1000001"]),
            ("SESSION_TIMEOUT_MINUTES", ["0", "525601", "1h"]),
            ("CORS_ORIGINS", ["", "a.example", "https://", "https://a.example/", "https://a.example,", "*,https://a"]),
            ("LOG_FORMAT", ["JSON", "xml"]),
            (
                "RATE_LIMITS",
                [
                    "", "yes", "messages", "messages=60", "messages=60/d", "messages=0/m", "messages=-1/s",
                    "messages=1/m,",
                    "tokens=1/m", "messages=1/m,messages=2/m", "messages=1/m/s", "messages=1.5/m", "=1/m",
                    "messages=on",
                ]
            ),
            ("DATA_DIR", ["", "   "]),
        ]
    )
    func `a value that is not allowed is refused`(name: String, values: [String]) {
        for value in values {
            let faults = faults([name: value])
            #expect(faults.count == 1, "\(name)=\(value)")
            #expect(faults.first?.hasPrefix("\(name)='\(value)'") == true, "\(faults)")
        }
    }

    @Test func `a value in a fault can neither forge a line nor fill the screen`() {
        #expect(
            faults(["LOG_FORMAT": "a\nPORT='1'\u{1B}[2J"]).first?.hasPrefix("LOG_FORMAT='a\\nPORT='1'\\u001b[2J'")
                == true
        )
        let long = faults(["LOG_FORMAT": String(repeating: "x", count: 10_000)])
        #expect(long.first?.utf8.count ?? 0 < 200)
    }

    @Test func `addresses that cannot be stop the start, without showing secrets`() {
        let environment = [
            "MONGODB_URI": "mongo://u:secret@h", "REDIS_URL": "rediss://:secret@h",
            "OPENAI_BASE_URL": "ftp://u:secret@h",
            "OPENAI_API_KEY": "a secret",
        ]
        #expect(
            faults(environment) == [
                "MONGODB_URI=…: must be a connection string such as mongodb://user:password@host:27017/?replicaSet=rs0 "
                    + "(or mongodb+srv://…), with the reserved characters of user and password (: / ? # [ ] @ %) "
                    + "percent-encoded, and without w=0",
                "REDIS_URL=…: must be an address redis://[user:password@]host[:port][/database], or unix:///path",
                "OPENAI_BASE_URL=…: must be an http or https address without /chat/completions, '?' and '#', "
                    + "such as https://api.openai.com/v1",
                "OPENAI_API_KEY=…: must be a key without spaces",
            ]
        )
    }

    @Test func `several instances need one store`() {
        #expect(
            faults(["REDIS_URL": "redis://:secret@h", "MONGODB_URI": ""])
                == ["REDIS_URL: several instances need one store: set MONGODB_URI too"]
        )
        #expect(faults(["REDIS_URL": "redis://:secret@h", "MONGODB_URI": "mongodb://h"]).isEmpty)
    }

    @Test func `what nobody knows in the file is warned of`() throws {
        let (settings, warnings) = try Settings.load(from: source(["MONGODB_URI": ""], file: "PROT=9000\nREDIS_URL="))
        #expect(settings == Settings())
        #expect(warnings == ["PROT (.env, line 1): no such setting; it is ignored"])
    }

    @Test func `a file that cannot be read stops the start, and one that is not there does not`() throws {
        var source = SettingsSource(environment: [:])
        source.readFile("/nonexistent/.env")
        #expect(source.fileFault == nil)
        source.readFile("/")
        #expect(source.fileFault == "cannot be read: Is a directory")
        #expect(throws: SettingsError(faults: [".env: cannot be read: Is a directory"])) {
            try Settings.load(from: source)
        }
    }

    @Test func `a file is read whole`() throws {
        var template = Array("/tmp/settings-XXXXXX\0".utf8CString)
        let descriptor = mkstemp(&template)
        let path = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { unlink(path) }
        let text = Array((String(repeating: "# comment\n", count: 5000) + "PORT=1234").utf8)
        #expect(write(descriptor, text, text.count) == text.count)
        close(descriptor)
        var source = SettingsSource(environment: [:])
        source.readFile(path)
        #expect(try Settings.load(from: source).settings.port == 1234)
    }
}
