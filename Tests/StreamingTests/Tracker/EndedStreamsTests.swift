import Primitives
import TestSupport
import Testing

@testable import Streaming

struct EndedStreamsTests {
    @Test func `ended streams are held for their time, and no longer`() throws {
        let time = ManualTimeSource()
        let tracker = ActiveStreamTracker.sample(
            retention: StreamRetention(time: 300_000_000_000, memory: 1 << 30),
            time: time
        )
        for index in 0..<300 {
            let stream = sampleStream("\(index)")
            _ = try tracker.start(stream, joinsSameQuery: false)
            tracker.end(stream, terminalEvent: [1])
            time.advance(by: .seconds(1))
        }
        #expect(tracker.stream(id: "0") == nil)
        #expect((1..<300).allSatisfy { tracker.stream(id: "\($0)") != nil })
        time.advance(by: .seconds(100))
        tracker.limitMemory()
        #expect((0...100).allSatisfy { tracker.stream(id: "\($0)") == nil })
        #expect((101..<300).allSatisfy { tracker.stream(id: "\($0)") != nil })
        time.advance(by: .seconds(500))
        #expect(tracker.stream(id: "299") == nil)
    }

    @Test func `the oldest go first when their memory is used up, and a single one that is too large goes at once`() {
        var ended = EndedStreams(StreamRetention(time: .max, memory: 100_000))
        for index in 0..<50 {
            ended.add(sampleStream("\(index)"), logByteCount: 10_000 - EndedStreams.overhead, now: 0)
            #expect(ended.byteCount <= 100_000)
        }
        #expect((0..<40).allSatisfy { ended.stream(id: "\($0)") == nil })
        #expect((40..<50).allSatisfy { ended.stream(id: "\($0)") != nil })
        ended.add(sampleStream("huge"), logByteCount: 200_000, now: 0)
        #expect(ended.stream(id: "huge") == nil)
        #expect(ended.byteCount == 0)
    }

    @Test func `the books are right whatever is added, forgotten and expired`() {
        var random = SeededGenerator(seed: 7)
        var ended = EndedStreams(StreamRetention(time: 50, memory: 400_000))
        var model: [(stream: LiveStream, endedAt: Int64, bytes: Int)] = []
        var now: Int64 = 0
        for step in 0..<1500 {
            now += Int64.random(in: 0...3, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                let session = "s\(Int.random(in: 0..<8, using: &random))"
                ended.remove { $0.sessionID == session }
                model.removeAll { $0.stream.sessionID == session }
            case 1...2: ended.removeExpired(now: now)
            default:
                let bytes = Int.random(in: 0..<40_000, using: &random)
                let stream = sampleStream("\(step)", session: "s\(step % 8)", messageID: "m\(step % 3)")
                ended.add(stream, logByteCount: bytes, now: now)
                model.append((stream, now, bytes + EndedStreams.overhead))
            }
            // Look-ups do not expire by themselves; the model is compared where the books were just settled.
            ended.removeExpired(now: now)
            while let first = model.first, now - first.endedAt >= 50 || model.reduce(0, { $0 + $1.bytes }) > 400_000 {
                model.removeFirst()
            }
            #expect(ended.byteCount == model.reduce(0) { $0 + $1.bytes })
            #expect(model.allSatisfy { ended.stream(id: $0.stream.id) === $0.stream })
            for entry in model {
                let messageID = entry.stream.question.messageID ?? ""
                #expect(ended.stream(sessionID: entry.stream.sessionID, messageID: messageID) != nil)
            }
        }
        #expect(ended.stream(id: "0") == nil)
    }

    @Test func `what has been forgotten is joined no more`() throws {
        let tracker = ActiveStreamTracker.sample()
        for (index, room) in ["a", "b", "a"].enumerated() {
            let stream = sampleStream("\(index)", room: room, messageID: "m\(index)")
            _ = try tracker.start(stream, joinsSameQuery: false)
            tracker.end(stream, terminalEvent: [1])
        }
        tracker.forgetEnded { $0.roomID == "a" }
        #expect(tracker.stream(id: "0") == nil)
        #expect(tracker.stream(id: "1") != nil)
        #expect(tracker.stream(id: "2") == nil)
        guard case .started = try tracker.start(sampleStream("3", messageID: "m0"), joinsSameQuery: false) else {
            Issue.record("joined a stream that was forgotten")
            return
        }
    }
}
