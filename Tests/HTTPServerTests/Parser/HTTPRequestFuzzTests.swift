import TestSupport
import Testing

@testable import HTTPServer

/// Valid requests, spoilt at random but the same in each run: whatever comes, the parser must not trap, and must make
/// the same of it however it is split.
@Suite struct HTTPRequestFuzzTests {
    /// What a mutation inserts: bytes and words that the grammar knows, where mistakes are likely.
    private static let scraps: [[UInt8]] =
        [
            "\r\n", "\r", "\n", " ", "\t", ":", ";", ",", "0", "\0", "%", "#", "/", "\u{7F}", "\r\n\r\n", "chunked",
            "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "HTTP/1.1", "FFFFFFFFFFFFFFFF",
            "99999999999999999999", "\r\n ", "Expect: x\r\n", "GET / HTTP/1.1\r\n",
        ].map { Array($0.utf8) } + [[0x80], [0xFF]]

    private static func mutate(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
        let place = Int.random(in: 0..<max(1, bytes.count), using: &generator)
        let end = min(bytes.count, place + Int.random(in: 1...8, using: &generator))
        switch Int.random(in: 0..<6, using: &generator) {
        case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2: bytes.removeSubrange(place..<max(place, end))
        case 3: bytes.insert(contentsOf: bytes[place..<max(place, end)], at: place)
        case 4: bytes.removeLast(min(bytes.count, 3))
        default: bytes.insert(contentsOf: scraps.randomElement(using: &generator)!, at: place)
        }
    }

    @Test(arguments: 0..<8)
    func `whatever comes, the outcome does not hang on the splits`(round: Int) {
        var generator = SeededGenerator(seed: UInt64(round))
        var limits = HTTPLimits()
        limits.target = 22
        limits.headerLine = 40
        limits.headerBytes = 100
        limits.headerCount = 4
        limits.body = 40
        limits.chunkLine = 20
        limits.trailerBytes = 40
        var statuses: Set<Int> = []
        var requests = 0
        for _ in 0..<2500 {
            var bytes = Array(SampleRequests.valid.randomElement(using: &generator)!.utf8)
            if Bool.random(using: &generator) { bytes += Array(SampleRequests.valid[0].utf8) }
            for _ in 0..<Int.random(in: 1...4, using: &generator) { Self.mutate(&bytes, using: &generator) }
            let whole = ParserOutcome(bytes, limits: limits)
            let cuts = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                Int.random(in: 0...bytes.count, using: &generator)
            }
            let split = ParserOutcome(bytes, cuts: cuts.sorted(), limits: limits)
            if split != whole { Issue.record("\(cuts.sorted()) of \(bytes): \(whole) but \(split)") }
            if let error = whole.error { statuses.insert(error.status.code) }
            requests += whole.requests.count
        }
        // What the mutations reach: without it, the test could pass by refusing everything at once.
        #expect(statuses.isSuperset(of: [400, 413, 414, 417, 431, 501, 505]))
        #expect(requests > 500)
    }
}
