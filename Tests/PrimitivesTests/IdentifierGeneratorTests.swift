import Primitives
import Testing

@Suite struct IdentifierGeneratorTests {
    private struct Fixed: IdentifierGenerator {
        var bits: (UInt64, UInt64)
        func randomBits() -> (UInt64, UInt64) { bits }
    }

    @Test func `a UUID has the time, its version and variant, and the random bits elsewhere`() {
        let time = Timestamp(milliseconds: 0x0123_4567_89AB)
        let start = Timestamp(milliseconds: 0)
        #expect(Fixed(bits: (0, 0)).uuid(prefix: "room_", at: start) == "room_00000000-0000-7000-8000-000000000000")
        #expect(Fixed(bits: (.max, .max)).uuid(prefix: "", at: time) == "01234567-89ab-7fff-bfff-ffffffffffff")
        let bits: (UInt64, UInt64) = (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210)
        #expect(Fixed(bits: bits).uuid(prefix: "a", at: time) == "a01234567-89ab-7def-bedc-ba9876543210")
    }

    @Test func `UUIDs of a later millisecond sort behind`() {
        let generator = RandomIdentifierGenerator()
        let ids = (0..<1000).map { generator.uuid(prefix: "", at: Timestamp(milliseconds: 1_767_225_600_000 + $0)) }
        #expect(ids == ids.sorted())
    }

    @Test func `a token has 22 letters and digits, and none of the bits is lost`() {
        #expect(Fixed(bits: (0, 0)).token(prefix: "m_") == "m_" + String(repeating: "0", count: 22))
        let tokens = (0..<128).map { bit in
            let (high, low): (UInt64, UInt64) = bit < 64 ? (1 << bit, 0) : (0, 1 << (bit - 64))
            return Fixed(bits: (high, low)).token(prefix: "")
        }
        #expect(Set(tokens).count == 128)
        #expect(tokens.allSatisfy { $0.count == 22 && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) } })
    }

    @Test func `random identifiers do not repeat, from several tasks at once`() async throws {
        let generator = RandomIdentifierGenerator()
        let time = Timestamp(milliseconds: 1_767_225_600_000)
        let identifiers = await withTaskGroup(of: [String].self) { group in
            for _ in 0..<4 { group.addTask { (0..<1000).map { _ in generator.uuid(prefix: "room_", at: time) } } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(identifiers).count == 4000)
        let format = /room_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
        #expect(try identifiers.prefix(100).allSatisfy { try format.wholeMatch(in: $0) != nil })
    }

    @Test func `every random bit is set about half the time`() {
        let generator = RandomIdentifierGenerator()
        var counts = [Int](repeating: 0, count: 128)
        for _ in 0..<2000 {
            let (high, low) = generator.randomBits()
            for bit in 0..<64 {
                counts[bit] += Int(high >> UInt64(bit) & 1)
                counts[64 + bit] += Int(low >> UInt64(bit) & 1)
            }
        }
        // Nine standard deviations: a fair bit fails once in 10^18 runs.
        #expect(counts.allSatisfy { abs($0 - 1000) < 200 })
    }
}
