import Streaming
import Testing

struct StreamEventIDTests {
    @Test(
        arguments: [
            ("stream_1:0", "stream_1", 0),
            ("stream_1:42", "stream_1", 42),
            ("a:b:7", "a:b", 7),
            ("s:007", "s", 7),
            ("s:999999999999999", "s", 999_999_999_999_999),
        ]
    )
    func `an id is a stream and a sequence number`(text: String, stream: String, sequence: Int) {
        #expect(StreamEventID(text) == StreamEventID(streamID: stream, sequence: sequence))
    }

    @Test(
        arguments: [
            "", ":", "stream_1", "stream_1:", ":1", "s:-1", "s:+1", "s: 1", "s:1 ", "s:1x", "s:0x1", "s:1.0", "s:１",
            "s:9223372036854775807", "s:9223372036854775808", "s:1000000000000000",
        ]
    )
    func `anything else is none, not even a number whose successor would overflow`(text: String) {
        #expect(StreamEventID(text) == nil)
    }
}
