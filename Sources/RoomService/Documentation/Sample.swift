import Primitives
import Storage
import Streaming

/// What the documentation's examples are about. They are made by the code that makes the answers.
enum Sample {
    static let time = Timestamp(milliseconds: 1_769_938_245_123)
    static let requestID = "req_5b1e_2a"
    static let userID = "ada"
    static let agent = "assistant"
    static let roomID = "room_019c1e5c-8a23-7b61-9d0e-2f4a8c7b1e35"
    static let sessionID = "session_019c1e5c-8f41-7c2a-8b13-6e9d0f2a4c57"
    static let streamID = "stream_4Tq8ZkVwN2bXs1RyLm7cPd"
    static let conversationID = "conv_019c1e5c-9a10-7d3f-a45e-1b8c6d2f7e90"
    static let question = "What is a room?"
    static let answer = "A room keeps your chats."

    static let room = Room(
        id: roomID,
        userID: userID,
        name: "First room",
        createdAt: time - .seconds(60),
        lastActivity: time,
        messageCount: 1,
        metadata: ["topic": "greetings"]
    )

    static var renamedRoom: Room {
        var room = room
        room.updatedAt = time
        return room
    }

    static let session = Session(
        id: sessionID,
        userID: userID,
        roomID: roomID,
        createdAt: time - .seconds(30),
        lastActivity: time,
        expiresAt: time + .seconds(30 * 60 - 30),
        activeAgent: agent
    )

    static let conversation = Conversation(
        id: conversationID,
        userID: userID,
        sessionID: sessionID,
        roomID: roomID,
        agentType: agent,
        userInput: question,
        agentResponse: answer,
        timestamp: time,
        status: .completed,
        streamID: streamID,
        metadata: ["response_time_ms": 310, "first_token_ms": 52, "chunks": 5]
    )

    static let page = PageRequest(limit: 50, offset: 0)

    static let rooms = Page(elements: [RoomSummary(room: room, lastMessage: conversation)], total: 1)
    static let conversations = Page(elements: [conversation], total: 1)

    // MARK: Streams

    private static var encoder: StreamEventEncoder { StreamEventEncoder(streamID: streamID, agentType: agent) }

    /// A whole answer as a `GET` gets it.
    static var stream: String {
        var encoder = encoder
        var text = "retry: 2000\n\n"
        encoder.encode(status: "started")
        text += String(decoding: encoder.payload, as: UTF8.self)
        for piece in ["A room keeps", " your chats."] {
            encoder.encodeContent(Array(piece.utf8))
            text += String(decoding: encoder.payload, as: UTF8.self)
        }
        encoder.encodeTerminal(.complete(), answer: answer)
        return text + String(decoding: encoder.payload, as: UTF8.self)
    }

    /// A whole answer as a `POST` gets it.
    static var streamWithDone: String { stream + "data: [DONE]\n\n" }

    /// An answer that ended otherwise: what it began with, and that end.
    static func stream(endingAs end: ReplyEnd) -> String {
        var encoder = encoder
        encoder.encode(status: "started")
        var text = "retry: 2000\n\n" + String(decoding: encoder.payload, as: UTF8.self)
        encoder.encodeTerminal(end, answer: "A room keeps")
        text += String(decoding: encoder.payload, as: UTF8.self)
        return text
    }

    // MARK: OpenAI

    private static let liveStream = LiveStream(
        id: streamID,
        conversationID: conversationID,
        sessionID: sessionID,
        roomID: roomID,
        userID: userID,
        agentType: agent,
        question: StreamQuestion(query: question, messageID: nil),
        startedAt: time
    )

    static let completion: Completion = {
        let outcome = AnswerOutcome()
        outcome.didEnd(
            AnswerOutcome.Ended(
                end: .complete(),
                text: answer,
                metadata: ["prompt_tokens": 9, "completion_tokens": 6, "tokens_used": 15]
            )
        )
        return Completion(liveStream, outcome: outcome)
    }()

    static var completionStream: String {
        let chunks = CompletionChunks(completion, includesUsage: true)
        var bytes: [UInt8] = []
        chunks.appendBeginning(to: &bytes)
        chunks.append(Array(answer.utf8), to: &bytes)
        chunks.appendEnd(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
