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
        configuration.headerTimeout = headerTimeout.wholeNanoseconds
        configuration.bodyTimeout = bodyTimeout.wholeNanoseconds
        configuration.idleTimeout = idleTimeout.wholeNanoseconds
        configuration.keepAliveInterval = heartbeat.wholeNanoseconds
        configuration.stuckTimeout = stuckReader.wholeNanoseconds
        return configuration
    }
}
