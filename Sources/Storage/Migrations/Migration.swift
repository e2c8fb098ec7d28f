/// One numbered step of a store's schema, up and down.
package struct Migration: Sendable, Equatable {
    /// Counts from 1, without gaps.
    package var number: Int
    package var name: String
    /// Statements in the language of the backend, each of which can be run again after a step back.
    package var up: [String]
    /// The way back; nil when there is none.
    package var down: [String]?

    package init(number: Int, name: String, up: [String], down: [String]?) {
        self.number = number
        self.name = name
        self.up = up
        self.down = down
    }

    /// Tells this step from another of the same number: a hash (64-bit FNV-1a) of both directions' statements,
    /// in 16 hexadecimal digits. It finds accidents, not attackers.
    package var checksum: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        for statement in up + ["--down"] + (down ?? ["--none"]) {
            for byte in statement.utf8 { add(byte) }
            add(0)
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
