import Primitives
import Streaming
import Testing

@testable import RoomService

struct StreamEntryTests {
    static let origin = StreamOrigin(
        LiveStream(
            id: "stream_1",
            conversationID: "conv_1",
            sessionID: "session_1",
            roomID: "room_1",
            userID: "a@b:c",
            agentType: "assistant",
            question: StreamQuestion(query: "Why?", messageID: nil),
            startedAt: Timestamp(milliseconds: 0)
        )
    )

    @Test(
        arguments: [
            .whole(origin, sequence: 0, answer: []),
            .whole(origin, sequence: 12, answer: Array("So\n far 語".utf8)),
            .events(.init(first: 0, next: 3, bytes: Array("5\r\nid: x\r\n".utf8))),
            .events(.init(first: 2, next: 3, bytes: [], until: 1_800_000_000_000, areHidden: true)),
            .sealed(by: "instance_1", request: 7),
        ] as [StreamEntry]
    )
    func `an entry is read as it was written`(entry: StreamEntry) {
        #expect(StreamEntry(entry.encoded) == entry)
    }

    @Test(arguments: [
        "", "\n", "e", "e 1\n", "e 3 3\n", "e 5 3\nx", "e -1 3\n", "e a b\n", "w 0 5\n{}", "w 0 2\n{}", "w 0\n", "s\n",
        "s a b\n", "x 1 2\n",
    ])
    func `what is no entry is none`(text: String) {
        #expect(StreamEntry(Array(text.utf8)) == nil)
    }
}
