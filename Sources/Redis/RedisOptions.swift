/// How a connection to Redis is kept. Times in nanoseconds.
package struct RedisOptions: Sendable {
    /// Until a connection may be used: name resolution, TCP and the first replies.
    package var connectTimeout: Int64 = 1_000_000_000
    /// A Redis that owes a reply and sends nothing for so long counts as lost.
    package var commandTimeout: Int64 = 1_000_000_000
    /// After so long of silence a `PING` is sent. With `commandTimeout` less than two seconds, so that a connection without
    /// another end is noticed by then.
    package var pingInterval: Int64 = 900_000_000
    /// How many commands may wait for their replies.
    package var commandLimit = 100_000
    /// How many bytes may wait to be sent.
    package var sendLimit = 64 << 20
    /// The largest reply, in bytes as it comes. A connection that brings a larger one is closed.
    package var replyLimit = 256 << 20
    /// By which name `CLIENT LIST` shows the connection: printable ASCII without spaces.
    package var clientName = "RoomService"

    /// Called on the connection's loop for each `.refused` that an open connection brings, whoever hears of it besides: such a reply is a fault of
    /// the program, of what others have written, or of the user's rights, and does not pass by itself.
    package var onRefusal: (@Sendable (RedisError) -> Void)?

    package init() {}
}
