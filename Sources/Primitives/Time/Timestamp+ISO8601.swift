extension Timestamp: CustomStringConvertible {
    /// The date and the time of day in UTC, in the proleptic Gregorian calendar.
    package struct Components: Sendable, Equatable {
        package var year: Int
        package var month: Int
        package var day: Int
        package var hour: Int
        package var minute: Int
        package var second: Int
        package var millisecond: Int
        /// 0 is Sunday.
        package var weekday: Int
    }

    /// ISO 8601 in UTC with milliseconds, as `2026-01-31T09:05:00.250Z`.
    package var description: String {
        var text: [UInt8] = []
        text.append(iso8601: self)
        return String(decoding: text, as: UTF8.self)
    }

    package var components: Components {
        let days = Int(milliseconds.dividedRoundingDown(by: 86_400_000))
        let rest = Int(milliseconds) - days * 86_400_000
        // Civil date from a day number, by counting eras of 400 years that begin on 1 March: a leap day is then the last.
        let shifted = days + 719_468
        let era = shifted.dividedRoundingDown(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return Components(
            year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
            month: month,
            day: dayOfYear - (153 * shiftedMonth + 2) / 5 + 1,
            hour: rest / 3_600_000,
            minute: rest / 60_000 % 60,
            second: rest / 1000 % 60,
            millisecond: rest % 1000,
            weekday: (days % 7 + 11) % 7
        )
    }
}

extension Timestamp {
    /// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z.
    fileprivate static var firstOfFourDigits: Timestamp { Timestamp(milliseconds: -62_167_219_200_000) }
    fileprivate static var lastOfFourDigits: Timestamp { Timestamp(milliseconds: 253_402_300_799_999) }
}

extension [UInt8] {
    /// Appends `time` as ISO 8601 in UTC with milliseconds: 24 bytes. A time outside the years 0 to 9999, as a foreign
    /// database may hold one, is written as the nearest inside.
    package mutating func append(iso8601 time: Timestamp) {
        let parts = Swift.min(Swift.max(time, .firstOfFourDigits), .lastOfFourDigits).components
        append(decimal: parts.year, width: 4)
        append(UInt8(ascii: "-"))
        append(decimal: parts.month, width: 2)
        append(UInt8(ascii: "-"))
        append(decimal: parts.day, width: 2)
        append(UInt8(ascii: "T"))
        append(decimal: parts.hour, width: 2)
        append(UInt8(ascii: ":"))
        append(decimal: parts.minute, width: 2)
        append(UInt8(ascii: ":"))
        append(decimal: parts.second, width: 2)
        append(UInt8(ascii: "."))
        append(decimal: parts.millisecond, width: 3)
        append(UInt8(ascii: "Z"))
    }
}
