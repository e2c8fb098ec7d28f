import Agents
import Glibc
import HTTPClient
import HTTPServer
import Primitives
import Storage

/// The program: reads its settings, serves until a signal says otherwise, and leaves with a status that tells how it went.
@main
enum Main {
    /// Exit statuses besides 0: `sysexits(3)` has nothing better known for these.
    private static let failed: Int32 = 1
    private static let badSettings: Int32 = 2

    static func main() {
        let invocation = Invocation(Array(CommandLine.arguments.dropFirst()))
        if case .print(let text, let status) = invocation {
            write(text, to: status == 0 ? STDOUT_FILENO : STDERR_FILENO)
            exit(status)
        }
        let source = SettingsSource.process()
        let (settings, warnings) = loadSettings(source)
        if invocation == .checkConfig { check(settings, warnings, source) }
        let time = SystemTimeSource()
        let logger = startLog(settings, time)
        for warning in warnings { logger.warning(warning) }
        // Blocked before there is any other thread: only `sigwait` below takes them.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let shutdown = ShutdownRequest()
        do {
            let cores = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
            let group = try EventLoopGroup(count: settings.loops == 0 ? cores : settings.loops, time: time)
            let loop = group.loops[0]
            Task(executorPreference: loop) {
                let status = await serve(settings, group, loop, time: time, logger: logger, until: shutdown)
                logger.flush()
                exit(status)
            }
        } catch {
            fail("cannot start the event loops: \(error)", logger)
        }
        waitForSignal(signals)
        let start = time.monotonicNanoseconds
        shutdown.request()
        // Whoever asks again later does not want to wait. At once it is no second wish: supervisors and terminals signal the
        // process and its group.
        repeat { waitForSignal(signals) } while time.monotonicNanoseconds - start < repeatedSignalTime
        fail("ended by a second signal, before all was stored", logger)
    }

    /// Within this time a second signal is taken for the first one again, in nanoseconds.
    private static let repeatedSignalTime: Int64 = 1_000_000_000

    private static func waitForSignal(_ signals: sigset_t) {
        var signals = signals
        var signal: Int32 = 0
        while sigwait(&signals, &signal) != 0 {}
    }

    private static func check(_ settings: Settings, _ warnings: [String], _ source: SettingsSource) -> Never {
        let report = SettingsReport(settings, source: source)
        write(report.text, to: STDOUT_FILENO)
        for warning in warnings + report.warnings {
            write("\(ServiceInfo.name): warning: \(warning)\n", to: STDERR_FILENO)
        }
        exit(0)
    }

    private static func loadSettings(_ source: SettingsSource) -> (Settings, warnings: [String]) {
        do throws(SettingsError) {
            return try Settings.load(from: source)
        } catch {
            write("\(ServiceInfo.name): \(error)\n", to: STDERR_FILENO)
            exit(badSettings)
        }
    }

    private static func startLog(_ settings: Settings, _ time: any TimeSource) -> Logger {
        let format = LogFormat(settings.logFormat, descriptor: STDERR_FILENO) { name in
            getenv(name).map { String(cString: $0) }
        }
        do throws(SystemError) {
            let writer = try LogWriter { dropped in
                var line: [UInt8] = []
                let fields: LogFields = ["count": .integer(dropped)]
                format.append(
                    LogEvent(time: time.now, level: .warning, message: "log lines dropped", fields: fields),
                    to: &line
                )
                return line
            }
            return Logger(level: settings.logLevel, format: format, time: time, sink: writer)
        } catch {
            write("\(ServiceInfo.name): cannot start the log: \(error)\n", to: STDERR_FILENO)
            exit(failed)
        }
    }

    /// Serves until a shutdown is requested; returns the exit status.
    private static func serve(
        _ settings: Settings,
        _ group: EventLoopGroup,
        _ loop: EventLoop,
        time: any TimeSource,
        logger: Logger,
        until shutdown: ShutdownRequest
    ) async -> Int32 {
        // Before the store: a start on a port that is taken changes nothing, be it only the schema.
        let address: ServerAddress
        do throws(SystemError) {
            address = try ServerAddress(settings.server)
        } catch {
            logger.error("cannot start", ["error": .string(explanation(of: error, settings))])
            return failed
        }
        let store: any Store
        let isReachable: Bool
        do throws(StoreError) {
            (store, isReachable) = try await openStore(settings, time: time, logger: logger)
        } catch {
            logger.error("cannot start", ["error": .string(error.message)])
            return failed
        }
        let client = HTTPClient(group: group)
        do {
            let application = try await Application(
                settings: settings,
                store: store,
                storeIsReachable: isReachable,
                at: address,
                group: group,
                loop: loop,
                agents: AgentRegistry(settings, client: client, logger: logger),
                files: StaticFiles.load(logger: logger),
                time: time,
                logger: logger
            )
            let port = application.server.port
            let greeting = Greeting(settings, port: port, store: store, storeIsReachable: isReachable)
            write(greeting.text, to: STDOUT_FILENO)
            logger.info(
                "started",
                [
                    "version": .string(ServiceInfo.version), "host": .string(settings.host),
                    "port": .integer(Int(port)), "store": .string(store.location),
                ]
            )
            if !settings.isOnLoopback {
                logger.warning("anyone who reaches this address may act as any user: there is no authentication", [:])
            }
            await shutdown.wait()
            await application.shutDown(on: loop)
            await client.close()
            return 0
        } catch {
            await store.close()
            logger.error("cannot start", ["error": .string(explanation(of: error, settings))])
            return failed
        }
    }

    private static func openStore(
        _ settings: Settings,
        time: any TimeSource,
        logger: Logger
    ) async throws(StoreError) -> (any Store, isReachable: Bool) {
        guard settings.mongoURI.isEmpty else {
            let store = try MongoStore(
                MongoOptions(
                    uri: settings.mongoURI,
                    database: settings.mongoDatabase,
                    poolSize: settings.mongoPoolSize
                ),
                requiresSchema: true
            )
            do throws(StoreError) {
                try await store.ping()
                return (store, true)
            } catch {
                guard error.code == .unavailable else {
                    await store.close()
                    throw error
                }
                logger.warning(
                    "MongoDB cannot be reached yet: not ready until it can; check MONGODB_URI, and that the server runs",
                    ["error": .error(error)]
                )
                return (store, false)
            }
        }
        let store = try await SQLiteStore.open(directory: settings.dataDirectory, time: time)
        for migration in store.migrations {
            logger.info("schema migrated", ["migration": .string(migration.name), "store": .string(store.path)])
        }
        return (store, true)
    }

    /// What went wrong at the start, and what to do.
    private static func explanation(of error: any Error, _ settings: Settings) -> String {
        let address = "\(settings.host):\(settings.port)"
        guard let error = error as? SystemError else { return "\(error)" }
        switch error.number {
        case EADDRINUSE:
            return "cannot listen on \(address): another program does. End that one, or set PORT (0 takes a free one)."
        case EACCES: return "cannot listen on \(address): not allowed. Ports below 1024 need root; set PORT."
        case EADDRNOTAVAIL: return "cannot listen on \(address): this machine has no such address. Set HOST."
        default: return "cannot listen on \(address): \(error)"
        }
    }

    private static func fail(_ message: String, _ logger: Logger) -> Never {
        logger.error(message)
        logger.flush()
        _exit(failed)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
