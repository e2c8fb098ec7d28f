/// Why no stream can start now.
package enum StreamRefusal: Error, Equatable {
    /// The session already streams another message.
    case sessionBusy(streamID: String)
    /// The user already has as many streams as allowed.
    case userLimitReached(limit: Int)
    /// The service already has as many streams as allowed.
    case overloaded
    /// The service shuts down.
    case shuttingDown
}
