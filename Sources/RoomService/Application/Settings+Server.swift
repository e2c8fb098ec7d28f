import HTTPServer
import Primitives

extension Settings {
    /// What of the settings is the HTTP server's.
    var server: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.host = host
        configuration.port = UInt16(clamping: port)
        configuration.limits.body = maxBody
        configuration.maxConnections = maxConnections
        // Each answer of a model may have a connection of its own.
        configuration.otherDescriptors = modelAgents.reduce(0) { $0 + $1.limits.concurrent }
        configuration.headerTimeout = headerTimeout.wholeNanoseconds
        configuration.bodyTimeout = bodyTimeout.wholeNanoseconds
        configuration.idleTimeout = idleTimeout.wholeNanoseconds
        configuration.keepAliveInterval = heartbeat.wholeNanoseconds
        configuration.stuckTimeout = stuckReader.wholeNanoseconds
        return configuration
    }
}
