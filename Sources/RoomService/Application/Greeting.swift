import Storage

/// What the service says when it is ready: where it is, what it uses, and how to try it.
struct Greeting {
    private let address: String
    private let store: String
    private let agents: [String]

    init(_ settings: Settings, port: UInt16, store: any Store, storeIsReachable: Bool) {
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        address = "http://\(host):\(port)"
        agents = settings.modelAgents.map { agent in
            let isDefault = settings.modelAgents.count > 1 && agent.options.name == settings.defaultAgentName
            return
                "\(agent.options.name): \(agent.options.model) at \(agent.endpoint.shownURL)\(isDefault ? " (default)" : "")"
        }
        let place = store.isShared ? "MongoDB, \(store.location)" : "embedded SQLite, \(store.location)"
        let away = ", which cannot be reached yet: check MONGODB_URI, and that the server runs"
        self.store = place + (storeIsReachable ? "" : away)
    }

    var text: String {
        let json = "-H 'Content-Type: application/json'"
        return """
            \(ServiceInfo.name) \(ServiceInfo.version)
            Page:    \(address)/ (open it in a browser)
            Store:   \(store)
            \(agentLines)
            API:     \(address)/docs
            OpenAI:  clients of OpenAI's API can ask the agents at \(address)/v1

            A room, a session in it, and a streamed reply:

            ROOM=$(curl -s \(address)/api/rooms \(json) -d '{"user_id":"ada","room_name":"First room"}' | grep -o 'room_[0-9a-f-]\\{36\\}' | head -1); echo $ROOM
            SESSION=$(curl -s \(address)/api/session/create \(json) -d "{\\"user_id\\":\\"ada\\",\\"room_id\\":\\"$ROOM\\"}" | grep -o 'session_[0-9a-f-]\\{36\\}' | head -1); echo $SESSION
            curl -N \(address)/api/chat/message \(json) -d "{\\"session_id\\":\\"$SESSION\\",\\"query\\":\\"How does a streamed answer reach me?\\"}"

            """
    }

    private var agentLines: String {
        guard !agents.isEmpty else {
            return "Agent:   the built-in demo agent; OPENAI_MODEL or AGENTS_FILE set up a real model (docs/agents.md)"
        }
        return agents.map { "Agent:   \($0)" }.joined(separator: "\n")
    }
}
