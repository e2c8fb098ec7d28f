import CSystem
import Glibc

extension Connection {
    /// Looks at the clock, once a tick of the server.
    func tick() {
        let (now, configuration) = (loop.now, server.configuration)
        if case .streaming(let producer) = phase {
            if !isWritable {
                if now - lastProgress >= configuration.stuckTimeout { closeStuck() }
            } else if now - lastProgress + LoopServer.tickInterval >= configuration.keepAliveInterval {
                // What was sent an interval ago is acknowledged by now, or the client is gone without a word.
                // Less than a tick ago is no time for an acknowledgement to come in.
                let silence = UInt32(clamping: max(now - lastProgress, LoopServer.tickInterval) / 1_000_000)
                guard cs_is_silent(socket, silence) == 0 else { return closeVanished() }
                producer.keepAlive()
                pump()
            }
        } else if !outbound.isEmpty {
            // The client's own time stands still: it may be held up by what it has not read yet.
            if deadline < .max { deadline += LoopServer.tickInterval }
            if now - lastProgress >= configuration.stuckTimeout { closeStuck() }
        } else if now >= deadline {
            timeOut()
        }
    }

    private func closeStuck() {
        server.configuration.metrics.cutStuck.add(1, ordering: .relaxed)
        close()
    }

    private func closeVanished() {
        server.configuration.metrics.cutVanished.add(1, ordering: .relaxed)
        close()
    }

    private func timeOut() {
        guard case .reading = phase, !isBetweenRequests else {
            close()
            return
        }
        refuse(HTTPParseError(.requestTimeout, "The request did not arrive in time"))
    }
}
