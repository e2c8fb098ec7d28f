import HTTPServer
import Primitives

/// The API's description as an OpenAPI 3.1 document, made once from what stands beside the routes.
struct APIDocument: Sendable {
    let json: JSONObject

    private static let about = """
        Chat rooms and sessions; answers are streamed token by token as server-sent events, can be stopped, watched by any \
        number of clients, and resumed after a cut.

        Bodies are JSON in UTF-8, times ISO 8601 in UTC with milliseconds, ids opaque strings. Members that are not named \
        here are ignored. A trailing slash makes no difference. `HEAD` works wherever `GET` does, the event streams aside, and \
        `OPTIONS` everywhere (CORS). A path that is no route is a 404 `NOT_FOUND` \
        (browsers, which prefer `text/html`, get a page that says so).

        Every response carries `X-Request-ID`: the caller's, where it sent one of 1–128 letters, digits, `-`, `_`, `.`, `:`. A \
        `GET` with `Accept: text/event-stream` that fails for a reason that passes (429, 503) is answered 200 with an event \
        that says so, as a browser's `EventSource` would give up on any other status; `/v1` aside.
        """

    private static let tags: [(tag: Operation.Tag, text: String)] = [
        (.rooms, "What a user's chats are called, and what is in them."),
        (.sessions, "Visits to a room, what the agents remember of them, and stopping an answer."),
        (.chat, "Asking, and watching the answer."),
        (.histories, "Histories without the envelope, and calls that have a successor."),
        (.openAI, "The agents as models, in the form of OpenAI's API, for clients that know that already."),
        (.service, "What operators and their tools ask for, and this documentation."),
    ]

    /// - Parameters:
    ///   - operations: those of all routes.
    ///   - limits: what the server takes.
    ///   - schemas: what the operations refer to by name.
    init(_ operations: [Operation], limits: HTTPLimits, schemas: JSONObject) {
        let responses = CommonResponses(limits: limits)
        var paths = JSONObject()
        for operation in operations {
            var path = paths[operation.path]?.objectValue ?? [:]
            path[operation.method.name.lowercased()] = .object(operation.json(responses))
            paths[operation.path] = .object(path)
        }
        let tags = Self.tags.map {
            JSONValue.object(["name": .string($0.tag.rawValue), "description": .string($0.text)])
        }
        json = [
            "openapi": "3.1.0",
            "info": [
                "title": .string(ServiceInfo.name), "version": .string(ServiceInfo.version),
                "description": .string(Self.about),
            ],
            "servers": [["url": "/"]],
            "tags": .array(tags),
            "paths": .object(paths),
            "components": [
                "schemas": .object(schemas),
                "responses": .object(responses.components),
                "headers": .object(CommonResponses.headers),
            ],
        ]
    }
}
