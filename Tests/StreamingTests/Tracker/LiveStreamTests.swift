import HTTPServer
import Primitives
import Testing

@testable import Streaming

struct LiveStreamTests {
    @Test func `a stop tells what was shown, once`() async {
        let stream = sampleStream()
        var writer = SampleWriter(stream)
        writer.start()
        writer.append("Half an")
        writer.append(" answer")
        #expect(!stream.isCancelled)
        #expect(await stream.cancel(.stopped) == "Half an answer")
        #expect(stream.isCancelled)
        #expect(writer.append("and more") == false)
        #expect(await stream.cancel(.stopped) == nil)
        #expect(await stream.cancel(.interrupted) == nil)
        #expect(stream.settle() == .stopped)
    }

    @Test func `a user's stop comes before the service's`() async {
        let stream = sampleStream()
        #expect(stream.canceller == nil)
        #expect(await stream.cancel(.interrupted, by: .shutdown) == nil)
        #expect(stream.canceller == .shutdown)
        #expect(await stream.cancel(.stopped, by: .stopRequest) == "")
        #expect(await stream.cancel(.interrupted, by: .cluster) == nil)
        #expect(stream.settle() == .stopped && stream.canceller == .stopRequest)
    }

    @Test func `what is decided cannot be stopped any more, and is shown whole`() async {
        let stream = sampleStream()
        var writer = SampleWriter(stream)
        writer.start()
        #expect(stream.settle() == nil)
        #expect(await stream.cancel(.stopped) == nil)
        #expect(!stream.isCancelled)
        #expect(writer.append("the last piece") == true)
    }

    @Test func `a stop that races with the end is told to both sides, or to neither`() async throws {
        let group = try EventLoopGroup(count: 2, time: SystemTimeSource())
        for _ in 0..<100 {
            let stream = sampleStream()
            let tracker = ActiveStreamTracker.sample()
            _ = try tracker.start(stream, joinsSameQuery: false)
            var writer = SampleWriter(stream)
            writer.start()
            let ending = Task(executorPreference: group.loops[0]) { [writer] in
                var writer = writer
                while writer.append("x"), writer.encoder.nextSequence < 20 {}
                let reason = stream.settle()
                tracker.end(stream, terminalEvent: writer.terminal(reason == nil ? "complete" : "cancelled"))
                return reason
            }
            let stopping = Task(executorPreference: group.loops[1]) { await stream.cancel(.stopped) }
            let (reason, answer) = (await ending.value, await stopping.value)
            #expect((reason == .stopped) == (answer != nil))
            if let answer { #expect(stream.log.answer == answer) }
        }
        group.stop()
    }

    @Test func `cancelling a stream cancels its task, whichever is there first`() async throws {
        for isOwnedFirst in [true, false] {
            let stream = sampleStream()
            let task = Task<Void, Never> {
                // Returns when the task is cancelled.
                let (ended, _) = AsyncStream<Void>.makeStream()
                for await _ in ended {}
            }
            if isOwnedFirst {
                stream.whenCancelled { task.cancel() }
                await stream.cancel(.interrupted)
            } else {
                await stream.cancel(.interrupted)
                stream.whenCancelled { task.cancel() }
            }
            await task.value
            #expect(task.isCancelled)
        }
    }

    @Test func `all who wait for the end are told of it, and so is whoever comes later`() async {
        let tracker = ActiveStreamTracker.sample()
        let stream = sampleStream()
        _ = try? tracker.start(stream, joinsSameQuery: false)
        await withTaskGroup { group in
            for _ in 0..<20 { group.addTask { await stream.waitUntilEnded() } }
            group.addTask { tracker.end(stream, terminalEvent: [1]) }
        }
        await stream.waitUntilEnded()
        #expect(stream.log.hasEnded)
    }
}
