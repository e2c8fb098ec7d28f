/// All that is wrong with the settings.
struct SettingsError: Error, Equatable, CustomStringConvertible {
    /// One line each, without secrets.
    var faults: [String]

    var description: String {
        "The settings are not valid:\n" + faults.map { "  \($0)" }.joined(separator: "\n")
    }
}
