import Foundation
import Primitives
import TestSupport
import Testing

@Suite struct TimestampTests {
    @Test func `known dates are written as they should be`() {
        #expect(Timestamp(milliseconds: 0).description == "1970-01-01T00:00:00.000Z")
        #expect(Timestamp(milliseconds: -1).description == "1969-12-31T23:59:59.999Z")
        #expect(Timestamp(milliseconds: 951_782_400_000).description == "2000-02-29T00:00:00.000Z")
        #expect(Timestamp(milliseconds: 1_769_850_300_250).description == "2026-01-31T09:05:00.250Z")
        #expect(Timestamp(milliseconds: -62_167_219_200_000).description == "0000-01-01T00:00:00.000Z")
        #expect(Timestamp(milliseconds: 253_402_300_799_999).description == "9999-12-31T23:59:59.999Z")
    }

    @Test(arguments: [Int64.min, -62_167_219_200_001, 253_402_300_800_000, Int64.max])
    func `a time whose year has not four digits is written as the nearest that has`(milliseconds: Int64) {
        let text = Timestamp(milliseconds: milliseconds).description
        #expect(text == (milliseconds < 0 ? "0000-01-01T00:00:00.000Z" : "9999-12-31T23:59:59.999Z"))
    }

    @Test func `every date and weekday is Foundation's`() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        var generator = SeededGenerator(seed: 5)
        // From 1583 on, as Foundation's calendar is Julian before; around each turn of a month, and at random.
        var times = (0..<2000).map { _ in Int64.random(in: -12_212_553_600_000...253_402_300_799_999, using: &generator)
        }
        for year in [1583, 1600, 1700, 1899, 1900, 1969, 1970, 1972, 1999, 2000, 2004, 2026, 2028, 2100, 2400, 9999] {
            for month in 1...12 {
                let date = try #require(calendar.date(from: DateComponents(year: year, month: month, day: 1)))
                let start = Int64(date.timeIntervalSince1970) * 1000
                times += [start - 1, start, start + 86_399_999]
            }
        }
        for time in times {
            let timestamp = Timestamp(milliseconds: time)
            let date = Date(timeIntervalSince1970: Double(time.quotientAndFloor.seconds))
            let expected = date.formatted(format).replacing(".000Z", with: time.quotientAndFloor.fraction)
            #expect(timestamp.description == expected)
            #expect(timestamp.components.weekday == calendar.component(.weekday, from: date) - 1)
        }
    }

    @Test func `durations are whole and rounded down`() {
        #expect(Duration.microseconds(1999).wholeMilliseconds == 1)
        #expect(Duration.microseconds(-1).wholeMilliseconds == -1)
        #expect(Duration.milliseconds(-1500).wholeMilliseconds == -1500)
        #expect(Duration.nanoseconds(1_500_000_001).wholeNanoseconds == 1_500_000_001)
        #expect(Duration(secondsComponent: 0, attosecondsComponent: -1).wholeNanoseconds == -1)
    }

    @Test func `times can be moved and compared`() {
        let time = Timestamp(milliseconds: 1000)
        #expect(time + .seconds(2) == Timestamp(milliseconds: 3000))
        #expect(time - .seconds(2) == Timestamp(milliseconds: -1000))
        #expect((time + .milliseconds(5)).since(time) == .milliseconds(5))
        #expect(time < time + .milliseconds(1))
    }
}

extension Int64 {
    /// Milliseconds as whole seconds rounded down and the rest as text: Foundation rounds fractions in floating point.
    fileprivate var quotientAndFloor: (seconds: Int64, fraction: String) {
        let rest = (self % 1000 + 1000) % 1000
        let digits = String(rest)
        return ((self - rest) / 1000, "." + String(repeating: "0", count: 3 - digits.count) + digits + "Z")
    }

    @Test func `sums out of range are the end of the range`() {
        let (first, last) = (Timestamp(milliseconds: .min), Timestamp(milliseconds: .max))
        #expect(first - .seconds(1) == first && last + .seconds(1) == last)
        #expect(last.since(first) == .milliseconds(Int64.max) && first.since(last) == .milliseconds(Int64.min))
        #expect(first + .seconds(1) > first && last - .seconds(1) < last)
    }
}
