import HTTPServer
import Primitives

/// One who is woken when a log has grown, and whose connection then asks it for bytes. Confined to its connection's loop.
class LogWatcher {
    /// The place in `LoopWatchers`.
    final var index = 0
    final let outlet: BodyOutlet

    init(outlet: BodyOutlet) {
        self.outlet = outlet
    }

    final func pump() { outlet.pump() }

    final var connectionHint: CacheHint { outlet.hint }
}
