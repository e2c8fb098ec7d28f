import Primitives

/// The `Date` header field's value, made once a second (RFC 9110, section 5.6.7).
struct HTTPDate {
    private var text: [UInt8] = []
    private var expires = Int64.min

    mutating func append(to bytes: inout [UInt8], now: Int64, time: any TimeSource) {
        if now >= expires { renew(now: now, wallTime: time.now) }
        bytes.append(contentsOf: text)
    }

    private mutating func renew(now: Int64, wallTime: Timestamp) {
        let parts = wallTime.components
        text.removeAll(keepingCapacity: true)
        text.append(ascii: Self.weekdays[parts.weekday])
        text.append(ascii: ", ")
        text.append(decimal: parts.day, width: 2)
        text.append(UInt8(ascii: " "))
        text.append(ascii: Self.months[parts.month - 1])
        text.append(UInt8(ascii: " "))
        text.append(decimal: parts.year, width: 4)
        text.append(UInt8(ascii: " "))
        text.append(decimal: parts.hour, width: 2)
        text.append(UInt8(ascii: ":"))
        text.append(decimal: parts.minute, width: 2)
        text.append(UInt8(ascii: ":"))
        text.append(decimal: parts.second, width: 2)
        text.append(ascii: " GMT")
        expires = now + Int64(1000 - parts.millisecond) * 1_000_000
    }

    private static let weekdays: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
