import HTTPServer
import Primitives
import Redis
import Streaming

extension Settings {
    /// The other instances, where Redis is set.
    func cluster(
        _ group: EventLoopGroup,
        instanceID: String,
        tracker: ActiveStreamTracker,
        logger: Logger
    ) throws -> Cluster? {
        guard !redisURL.isEmpty else { return nil }
        let address = try RedisAddress(redisURL, password: redisPassword.isEmpty ? nil : redisPassword)
        return Cluster(
            address,
            group: group,
            instanceID: instanceID,
            retention: streamRetention.wholeNanoseconds,
            logLimit: streamLog,
            tracker: tracker,
            logger: logger
        )
    }
}
