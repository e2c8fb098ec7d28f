import Storage

/// What the service says when it is ready: where it is, what it uses, and how to try it.
struct Greeting {
    private let address: String
    private let store: String

    init(_ settings: Settings, port: UInt16, store: any Store) {
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        address = "http://\(host):\(port)"
        self.store = store.isShared ? "MongoDB, \(store.location)" : "embedded SQLite, \(store.location)"
    }

    var text: String {
        let json = "-H 'Content-Type: application/json'"
        return """
            \(ServiceInfo.name) \(ServiceInfo.version)
            Address: \(address)
            Store:   \(store)
            Agent:   the built-in demo agent

            A room, a session in it, and a streamed reply:

            ROOM=$(curl -s \(address)/api/rooms \(json) -d '{"user_id":"ada","room_name":"First room"}' | grep -o 'room_[0-9a-f-]\\{36\\}' | head -1); echo $ROOM
            SESSION=$(curl -s \(address)/api/session/create \(json) -d "{\\"user_id\\":\\"ada\\",\\"room_id\\":\\"$ROOM\\"}" | grep -o 'session_[0-9a-f-]\\{36\\}' | head -1); echo $SESSION
            curl -N \(address)/api/chat/message \(json) -d "{\\"session_id\\":\\"$SESSION\\",\\"query\\":\\"How does a streamed answer reach me?\\"}"

            """
    }
}
