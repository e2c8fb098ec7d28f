import Glibc
import Primitives

@main
struct Main {
    static func main() {
        // A file that grows beyond a limit of the system (`ulimit -f`) is to be an error, not the end.
        signal(SIGXFSZ, SIG_IGN)
        let signals = HeldSignals()
        let result = MigrationsCommand.run(
            arguments: Array(CommandLine.arguments.dropFirst()),
            settings: .process(),
            signals: signals
        )
        write(result.output, to: STDOUT_FILENO)
        write(result.errors, to: STDERR_FILENO)
        // Ends the process here, when there was one.
        signals.release()
        exit(result.code.rawValue)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            rest = rest.dropFirst(max(0, count))
        }
    }
}
