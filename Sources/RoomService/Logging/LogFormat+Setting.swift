import Glibc

extension LogFormat {
    /// What `LOG_FORMAT` may say.
    enum Setting: String, Sendable, CaseIterable {
        /// Text where standard error is a terminal, JSON elsewhere.
        case auto
        case json, text
    }

    /// The format of lines for `descriptor`. Colours are for terminals, unless `NO_COLOR` is set to anything (no-color.org),
    /// or `TERM` says that this one has none.
    init(_ setting: Setting, descriptor: Int32, environment: (String) -> String?) {
        let isTerminal = isatty(descriptor) == 1
        switch setting {
        case .json: self = .json
        case .auto where !isTerminal: self = .json
        case .auto, .text:
            let wantsColours = environment("NO_COLOR") ?? "" == "" && environment("TERM") != "dumb"
            self = isTerminal && wantsColours ? .colouredText : .text
        }
    }
}
