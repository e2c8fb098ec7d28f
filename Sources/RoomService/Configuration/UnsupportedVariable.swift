/// A variable of a part that this build does not have.
struct UnsupportedVariable: Sendable {
    let name: String
    /// What it would set up, to follow "this build has no".
    let part: String
    /// Whether the start is refused: without the part, instances would act apart. The others only tune a part, and a warning
    /// will do.
    let isDecisive: Bool

    static let all = [
        UnsupportedVariable(name: "REDIS_URL", part: "Redis support", isDecisive: true),
        UnsupportedVariable(name: "REDIS_PASSWORD", part: "Redis support", isDecisive: false),
    ]
}
