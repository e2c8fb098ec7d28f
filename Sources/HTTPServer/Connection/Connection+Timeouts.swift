import CSystem
import Glibc

extension Connection {
    /// Looks at the clock, once a tick of the server.
    func tick() {
        let (now, configuration) = (loop.now, server.configuration)
        if case .streaming(let producer) = phase {
            if !isWritable {
                if now - lastProgress >= configuration.stuckTimeout { close() }
            } else if now - lastProgress + LoopServer.tickInterval >= configuration.keepAliveInterval {
                producer.keepAlive()
                pump()
            }
        } else if !outbound.isEmpty {
            // The client's own time stands still: it may be held up by what it has not read yet.
            if deadline < .max { deadline += LoopServer.tickInterval }
            if now - lastProgress >= configuration.stuckTimeout { close() }
        } else if now >= deadline {
            timeOut()
        }
    }

    private func timeOut() {
        guard case .reading = phase, !parser.isIdle else {
            close()
            return
        }
        refuse(HTTPParseError(.requestTimeout, "The request did not arrive in time"))
    }
}
