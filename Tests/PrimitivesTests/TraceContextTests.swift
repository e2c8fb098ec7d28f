import Primitives
import Testing

struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let parent = "00f067aa0ba902b7"

    @Test func `a traceparent is read and handed on with another parent`() throws {
        let context = try #require(TraceContext(traceparent: "00-\(Self.trace)-\(Self.parent)-01"))
        #expect(context.traceID == Self.trace && context.isSampled)
        #expect(context.traceparent(parentID: 0xB7AD_6B71_6920_3331) == "00-\(Self.trace)-b7ad6b7169203331-01")
        #expect(context.traceparent(parentID: 0) == "00-\(Self.trace)-0000000000000001-01")
        let again = try #require(TraceContext(traceparent: context.traceparent(parentID: 5)))
        #expect(again == context)
    }

    @Test func `of the flags only the known one is read and handed on`() throws {
        for (flags, isSampled) in [("00", false), ("01", true), ("fe", false), ("ff", true)] {
            let context = try #require(TraceContext(traceparent: "00-\(Self.trace)-\(Self.parent)-\(flags)"))
            #expect(context.isSampled == isSampled)
            #expect(context.traceparent(parentID: 1).hasSuffix(isSampled ? "-01" : "-00"))
        }
    }

    @Test func `later versions are read as far as they are known`() {
        #expect(TraceContext(traceparent: "cc-\(Self.trace)-\(Self.parent)-01")?.traceID == Self.trace)
        #expect(TraceContext(traceparent: "cc-\(Self.trace)-\(Self.parent)-01-more")?.traceID == Self.trace)
        #expect(TraceContext(traceparent: "cc-\(Self.trace)-\(Self.parent)-01.more") == nil)
    }

    @Test(
        arguments: [
            "", "00", "00-", "ff-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-01-more", "00-\(trace)-\(parent)-01 ",
            "00-\(trace)-\(parent)-1", "00-\(trace)-\(parent)", "00-\(trace.uppercased())-\(parent)-01",
            "00-\(trace)-00F067AA0BA902B7-01", "00-00000000000000000000000000000000-\(parent)-01",
            "00-\(trace)-0000000000000000-01", "00-\(trace.dropLast())g-\(parent)-01", "0x-\(trace)-\(parent)-01",
            "00_\(trace)_\(parent)_01", "00-\(trace.dropLast())-\(parent)-01", "00-\(trace)-\(parent)-zz",
            "00-\(trace.dropLast(2))é-\(parent)-01",
        ]
    )
    func `a malformed traceparent is none`(text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }
}
