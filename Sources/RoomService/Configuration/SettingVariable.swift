/// A variable that sets one of the `Settings`: the one place of its name, unit, bounds and meaning.
struct SettingVariable: Sendable {
    let name: String
    /// What a number counts; empty where there is nothing to count.
    let unit: String
    /// What is allowed, to follow "must be".
    let allowed: String
    let explanation: String
    /// The value as one would write it.
    let text: @Sendable (Settings) -> String
    /// Puts a value into the settings; false when it is not allowed.
    let set: @Sendable (_ value: String, _ settings: inout Settings) -> Bool
    /// Whether no message may show the value.
    var isSecret = false

    typealias Place<Value> = any WritableKeyPath<Settings, Value> & Sendable
}

/// The kinds of variables.
extension SettingVariable {
    static func integer(
        _ name: String,
        _ place: Place<Int>,
        _ range: ClosedRange<Int>,
        unit: String = "",
        scale: Int = 1,
        _ explanation: String
    ) -> SettingVariable {
        SettingVariable(
            name: name,
            unit: unit,
            allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            explanation: explanation,
            text: { "\($0[keyPath: place] / scale)" },
            set: { value, settings in
                guard let number = Int(value), range.contains(number) else { return false }
                settings[keyPath: place] = number * scale
                return true
            }
        )
    }

    static func number(
        _ name: String,
        _ place: Place<Double>,
        _ range: ClosedRange<Int>,
        unit: String,
        _ explanation: String
    ) -> SettingVariable {
        SettingVariable(
            name: name,
            unit: unit,
            allowed: "a number from \(range.lowerBound) to \(range.upperBound)",
            explanation: explanation,
            text: { decimal($0[keyPath: place]) },
            set: { value, settings in
                guard let number = parseDecimal(value) else { return false }
                guard (Double(range.lowerBound)...Double(range.upperBound)).contains(number) else { return false }
                settings[keyPath: place] = number
                return true
            }
        )
    }

    /// A time that may have a fraction, in seconds or in units of so many.
    static func duration(
        _ name: String,
        _ place: Place<Duration>,
        _ range: ClosedRange<Double>,
        unit: String = "seconds",
        seconds: Double = 1,
        _ explanation: String
    ) -> SettingVariable {
        SettingVariable(
            name: name,
            unit: unit,
            allowed: "a number of \(unit) from \(decimal(range.lowerBound)) to \(decimal(range.upperBound))",
            explanation: explanation,
            text: { decimal($0[keyPath: place] / .seconds(1) / seconds) },
            set: { value, settings in
                guard let number = parseDecimal(value), range.contains(number) else { return false }
                settings[keyPath: place] = .milliseconds(Int64((number * seconds * 1000).rounded()))
                return true
            }
        )
    }

    static func choice<Value>(_ name: String, _ place: Place<Value>, _ explanation: String) -> SettingVariable
    where Value: RawRepresentable<String> & CaseIterable & Sendable {
        SettingVariable(
            name: name,
            unit: "",
            allowed: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
            explanation: explanation,
            text: { $0[keyPath: place].rawValue },
            set: { value, settings in
                guard let choice = Value(rawValue: value) else { return false }
                settings[keyPath: place] = choice
                return true
            }
        )
    }

    /// A value that has a notation of its own.
    static func parsed<Value: CustomStringConvertible & Sendable>(
        _ name: String,
        _ place: Place<Value>,
        allowed: String,
        isSecret: Bool = false,
        _ parse: @escaping @Sendable (String) -> Value?,
        _ explanation: String
    ) -> SettingVariable {
        SettingVariable(
            name: name,
            unit: "",
            allowed: allowed,
            explanation: explanation,
            text: { $0[keyPath: place].description },
            set: { value, settings in
                guard let parsed = parse(value) else { return false }
                settings[keyPath: place] = parsed
                return true
            },
            isSecret: isSecret
        )
    }

    /// Digits, and a fraction where there is one: `0x10`, `1e3`, `nan` and the like are no way to write a setting.
    private static func parseDecimal(_ text: String) -> Double? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }) else { return nil }
        return Double(text)
    }

    private static func decimal(_ number: Double) -> String {
        number.rounded() == number ? "\(Int(number))" : "\(number)"
    }
}
