import Testing

@testable import RoomService

struct RateLimitsTests {
    @Test func `on and off and a list`() throws {
        #expect(RateLimits("on") == .standard)
        #expect(RateLimits("off") == RateLimits(messages: nil, writes: nil, reads: nil))
        #expect(RateLimits("messages=60/m,writes=300/m,reads=3000/m") == .standard)
        let custom = try #require(RateLimits("reads=5/s, messages = 100/h"))
        #expect(custom.reads == RateLimits.Rate(count: 5, period: .seconds(1)))
        #expect(custom.messages == RateLimits.Rate(count: 100, period: .seconds(3600)))
        #expect(custom.writes == RateLimits.standard.writes)
    }

    @Test func `a single limit can be lifted`() {
        let limits = RateLimits("writes=off")
        #expect(limits == RateLimits(messages: RateLimits.standard.messages, reads: RateLimits.standard.reads))
    }

    @Test(arguments: ["on", "off", "messages=1/s,writes=off,reads=7/h"])
    func `limits are written as they are read`(text: String) {
        #expect(RateLimits(text)?.description == text)
    }
}
