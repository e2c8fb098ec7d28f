import Agents
import Glibc
import Redis
import Storage

extension SettingVariable {
    /// All variables, in the order in which `--help` shows them.
    static let all = listening + rooms + streams + http + agents + logs

    private static let listening: [SettingVariable] = [
        .parsed("HOST", \.host, allowed: "a numeric IP address, or localhost", address, "address to listen on"),
        .integer("PORT", \.port, 0...65_535, "port to listen on; 0: a free one, which is printed"),
        .integer("LOOPS", \.loops, 0...1024, "event loops; 0: one per core"),
        .parsed("DATA_DIR", \.dataDirectory, allowed: "a path", path, "folder of the embedded store"),
        .parsed(
            "MONGODB_URI",
            \.mongoURI,
            allowed: "a connection string such as mongodb://user:password@host:27017/?replicaSet=rs0 "
                + "(or mongodb+srv://…), with the reserved characters of user and password (: / ? # [ ] @ %) "
                + "percent-encoded, and without w=0",
            isSecret: true,
            connectionString,
            "connection string of MongoDB, used instead of the embedded store where it is set"
        ),
        .parsed("MONGODB_DB_NAME", \.mongoDatabase, allowed: "a database's name", databaseName, "database in MongoDB"),
        .integer("MONGODB_POOL_SIZE", \.mongoPoolSize, 1...1000, unit: "connections", "connections to MongoDB"),
        .parsed(
            "REDIS_URL",
            \.redisURL,
            allowed: "an address redis://[user:password@]host[:port][/database], or unix:///path",
            isSecret: true,
            redisAddress,
            "Redis by which several instances over one MongoDB act as one"
        ),
        .parsed("REDIS_PASSWORD", \.redisPassword, allowed: "a password", isSecret: true, { $0 }, "password for that"),
    ]

    private static let rooms: [SettingVariable] = [
        .integer("MAX_ROOMS_PER_USER", \.maxRoomsPerUser, 1...1_000_000, "live rooms of one user"),
        .duration(
            "SESSION_TIMEOUT_MINUTES",
            \.sessionTimeout,
            0.01...525_600,
            unit: "minutes",
            seconds: 60,
            "from a session's making to its end"
        ),
        .duration(
            "SESSION_IDLE_MINUTES",
            \.sessionIdle,
            0.01...525_600,
            unit: "minutes",
            seconds: 60,
            "idle time after which a session's context is cleared"
        ),
    ]

    private static let streams: [SettingVariable] = [
        .integer("MAX_STREAMS_PER_USER", \.maxStreamsPerUser, 1...1_000_000, "answers that one user has running"),
        .integer("MAX_STREAMS", \.maxStreams, 1...10_000_000, "answers running on this instance"),
        .integer(
            "MAX_ANSWER_BYTES",
            \.maxAnswer,
            1024...Checkpoint.textLimit,
            unit: "bytes",
            "text of one answer; a longer one ends there"
        ),
        .duration(
            "STREAM_RETENTION_SECONDS",
            \.streamRetention,
            0...86_400,
            "how long an ended answer's events can be resumed"
        ),
        .integer(
            "STREAM_MEMORY_MB",
            \.streamMemory,
            1...1_048_576,
            unit: "MiB",
            scale: 1 << 20,
            "memory for all answers' events; ended answers go first, the oldest before"
        ),
        .integer(
            "STREAM_LOG_MB",
            \.streamLog,
            1...1024,
            unit: "MiB",
            scale: 1 << 20,
            "events of one answer that are held"
        ),
        .duration("STUCK_READER_SECONDS", \.stuckReader, 0.1...86_400, "until a reader that takes nothing is cut off"),
        .duration("HEARTBEAT_SECONDS", \.heartbeat, 0.1...86_400, "between keep-alive comments of a quiet stream"),
    ]

    private static let http: [SettingVariable] = [
        .integer("MAX_BODY_BYTES", \.maxBody, 1024...(1 << 30), unit: "bytes", "size of a request's body"),
        .integer("MAX_CONNECTIONS", \.maxConnections, 1...10_000_000, "open connections"),
        .duration("HEADER_TIMEOUT_SECONDS", \.headerTimeout, 0.1...86_400, "for a request's head to arrive"),
        .duration("BODY_TIMEOUT_SECONDS", \.bodyTimeout, 0.1...86_400, "for a request's body to arrive"),
        .duration("IDLE_TIMEOUT_SECONDS", \.idleTimeout, 0.1...86_400, "for the next request of a connection"),
        .duration("DRAIN_SECONDS", \.drain, 0...86_400, "from SIGTERM until running answers are interrupted"),
        .parsed(
            "CORS_ORIGINS",
            \.corsOrigins,
            allowed: "*, none, or origins such as https://chat.example.org, with commas between them",
            { CORSOrigins($0) },
            "pages that may call it: *, none, or origins with commas"
        ),
        .parsed(
            "RATE_LIMITS",
            \.rateLimits,
            allowed: "on, off, or a list such as messages=60/m,writes=300/m,reads=3000/m "
                + "(per s, m or h; or off; each once)",
            { RateLimits($0) },
            "on: messages=60/m,writes=300/m,reads=3000/m (reads by address); off; or a list"
        ),
    ]

    private static let agents: [SettingVariable] = [
        .parsed(
            "OPENAI_BASE_URL",
            \.openAIBaseURL,
            allowed:
                "an http or https address without /chat/completions, '?' and '#', such as https://api.openai.com/v1",
            isSecret: true,
            endpoint,
            "OpenAI-compatible API of the model that answers; unset: OpenAI's own"
        ),
        .parsed(
            "OPENAI_API_KEY",
            \.openAIKey,
            allowed: "a key without spaces",
            isSecret: true,
            key,
            "key for that API"
        ),
        .parsed("OPENAI_MODEL", \.openAIModel, allowed: "a model's name", { $0 }, "name of the model there"),
        .parsed("AGENTS_FILE", \.agentsFile, allowed: "a path", { $0 }, "JSON file of several agents"),
        .duration("AGENT_CONNECT_TIMEOUT_SECONDS", \.agentConnectTimeout, 0.1...300, "for a connection to a model"),
        .duration(
            "AGENT_TIMEOUT_SECONDS",
            \.agentTimeout,
            0.1...604_800,
            "to a model's first token, and between any two pieces of its answer"
        ),
        .duration("AGENT_TOTAL_TIMEOUT_SECONDS", \.agentTotalTimeout, 0.1...604_800, "for a model's whole answer"),
        .integer(
            "AGENT_RETRIES",
            \.agentRetries,
            0...10,
            unit: "tries",
            "a question is asked again, as long as nothing of its answer has come"
        ),
        .integer(
            "AGENT_MAX_CONCURRENT",
            \.agentMaxConcurrent,
            1...1_000_000,
            unit: "answers",
            "made by one agent's model at the same time"
        ),
        .integer("AGENT_MAX_WAITING", \.agentMaxWaiting, 0...1_000_000, unit: "questions", "waiting for that"),
        .integer(
            "CONTEXT_MAX_CHARS",
            \.contextMaxCharacters,
            0...10_000_000,
            unit: "characters",
            "how much of a session an agent sees"
        ),
        .number(
            "DEMO_RATE",
            \.demoRate,
            DemoOptions.rateRange,
            unit: "tokens/s",
            "pace of the demo agent; 0: unpaced"
        ),
        .integer(
            "DEMO_TOKENS",
            \.demoTokens,
            DemoOptions.tokenRange,
            unit: "tokens",
            "length of the demo agent's answers; 0: as they need"
        ),
    ]

    private static let logs: [SettingVariable] = [
        .choice("LOG_LEVEL", \.logLevel, "trace, debug, info, warning or error"),
        .choice("LOG_FORMAT", \.logFormat, "json, text, or auto: text where standard error is a terminal, else json"),
    ]

    /// The address in numbers, or nil. Names other than `localhost` could mean several addresses, or change.
    private static let address: @Sendable (String) -> String? = { text in
        if text == "localhost" { return "127.0.0.1" }
        var buffer = in6_addr()
        let isAddress = inet_pton(AF_INET, text, &buffer) == 1 || inet_pton(AF_INET6, text, &buffer) == 1
        return isAddress ? text : nil
    }

    private static let connectionString: @Sendable (String) -> String? = { text in
        text.isEmpty || MongoOptions.isConnectionString(text) ? text : nil
    }

    /// What MongoDB takes on every platform.
    private static let databaseName: @Sendable (String) -> String? = { text in
        MongoOptions.isDatabaseName(text) ? text : nil
    }

    private static let redisAddress: @Sendable (String) -> String? = { text in
        text.isEmpty || (try? RedisAddress(text)) != nil ? text : nil
    }

    private static let endpoint: @Sendable (String) -> String? = { text in
        text.isEmpty || (try? UpstreamEndpoint(baseURL: text)) != nil ? text : nil
    }

    private static let key: @Sendable (String) -> String? = { text in
        UpstreamEndpoint.isKey(text) ? text : nil
    }

    private static let path: @Sendable (String) -> String? = { text in
        text.isEmpty || text.utf8.contains(0) ? nil : text
    }
}
