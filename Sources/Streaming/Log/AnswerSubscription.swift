import HTTPServer

/// How the text of an answer is written for a client that wants it in another form than the log's events. Each part is one
/// or more whole events of an event stream.
package protocol AnswerEncoder: Sendable {
    /// What comes before the text.
    func appendBeginning(to bytes: inout [UInt8])

    /// A piece of the text, in UTF-8: never empty, and no character of it is cut.
    func append(_ text: [UInt8], to bytes: inout [UInt8])

    /// What comes last. How the answer ended is known by then.
    func appendEnd(to bytes: inout [UInt8])
}

/// A client that gets an answer's text from its beginning to its end, in a form of its own: the body of a response.
package struct AnswerSubscription: StreamedBody {
    let log: StreamLog
    let encoder: any AnswerEncoder
    let metrics: StreamMetrics
    let reader: StreamReader?
    let whenClosed: (@Sendable () -> Void)?

    /// - Parameters:
    ///   - metrics: where it is counted.
    ///   - reader: who is told how it ends.
    ///   - whenClosed: called once, when the client has all or is gone.
    package init(
        _ log: StreamLog,
        encoder: any AnswerEncoder,
        metrics: StreamMetrics,
        reader: StreamReader? = nil,
        whenClosed: (@Sendable () -> Void)? = nil
    ) {
        self.log = log
        self.encoder = encoder
        self.metrics = metrics
        self.reader = reader
        self.whenClosed = whenClosed
    }

    package func start(_ outlet: BodyOutlet) -> any BodyProducer {
        AnswerSubscriber(self, outlet: outlet)
    }
}
