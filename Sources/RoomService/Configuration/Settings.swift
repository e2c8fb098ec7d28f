/// How this instance runs: what the operator may choose.
///
/// The values here are the defaults. `SettingVariable.all` has the names, units and bounds of the variables that set them.
struct Settings: Sendable, Equatable {
    // MARK: Listening

    /// A numeric IPv4 or IPv6 address.
    var host = "127.0.0.1"
    /// Whether nobody but this machine's programs reaches it.
    var isOnLoopback: Bool { host.hasPrefix("127.") || host == "::1" }
    /// 0: a free port that the system chooses.
    var port = 8000
    /// Event loops; 0: one per core.
    var loops = 0

    // MARK: Storage

    /// Where the embedded store keeps its files.
    var dataDirectory = "./data"
    /// The connection string of MongoDB; empty: the embedded store. It may hold a password.
    var mongoURI = ""
    var mongoDatabase = "careguide"
    /// Connections, each with a thread.
    var mongoPoolSize = 10

    /// Where the Redis is that instances share; empty: this one is alone. It may hold a password.
    var redisURL = ""
    /// Used instead of that in the address.
    var redisPassword = ""

    // MARK: Agents

    /// Where an OpenAI-compatible API is, up to `/chat/completions`. It may hold credentials.
    var openAIBaseURL = ""
    var openAIKey = ""
    var openAIModel = ""
    /// A file of agents; see `AgentsFile`.
    var agentsFile = ""
    /// To the first token of an answer, and from one byte of it to the next.
    var agentTimeout = Duration.seconds(30)
    var agentConnectTimeout = Duration.seconds(5)
    /// For the whole of an answer.
    var agentTotalTimeout = Duration.seconds(600)
    /// Tries after the first, as long as nothing of an answer has come.
    var agentRetries = 2
    /// Answers that one agent's model makes at the same time.
    var agentMaxConcurrent = 1000
    /// Questions that wait for that.
    var agentMaxWaiting = 1000
    /// The agents that ask models, as the variables above and the file say; none: the demo agent answers.
    var modelAgents: [ModelAgent] = []
    /// Which of them answers where nobody chooses; the first, where this is nil.
    var defaultAgent: String?
    var defaultAgentName: String? { defaultAgent ?? modelAgents.first?.options.name }
    /// Tokens per second; 0: unpaced.
    var demoRate = 20.0
    /// 0: as the answer needs.
    var demoTokens = 0
    /// How much of a session an agent sees, in characters.
    var contextMaxCharacters = 24_000

    // MARK: Rooms, sessions and streams

    var maxRoomsPerUser = 50
    var maxStreamsPerUser = 5
    var maxStreams = 50_000
    /// From a session's making to its end.
    var sessionTimeout = Duration.seconds(30 * 60)
    /// Idle time after which a session's context is cleared.
    var sessionIdle = Duration.seconds(10 * 60)
    /// The text of one answer, in bytes of UTF-8; what is longer ends there.
    var maxAnswer = 4 << 20
    /// How long an ended stream can still be read.
    var streamRetention = Duration.seconds(300)
    /// For all streams' events together, in bytes.
    var streamMemory = 512 << 20
    /// For one stream's events, in bytes.
    var streamLog = 8 << 20
    /// How long a reader may take nothing of what waits for it.
    var stuckReader = Duration.seconds(30)
    /// From one keep-alive comment to the next.
    var heartbeat = Duration.seconds(15)

    // MARK: HTTP

    /// In bytes.
    var maxBody = 1 << 20
    var maxConnections = 100_000
    var headerTimeout = Duration.seconds(10)
    var bodyTimeout = Duration.seconds(30)
    var idleTimeout = Duration.seconds(75)
    /// From the signal to end until running streams are marked interrupted.
    var drain = Duration.seconds(10)
    var corsOrigins = CORSOrigins.any
    var rateLimits = RateLimits.standard

    // MARK: Logs

    var logLevel = Logger.Level.info
    var logFormat = LogFormat.Setting.auto
}
