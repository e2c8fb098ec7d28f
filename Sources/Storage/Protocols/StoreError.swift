/// What a store could not do, and why.
package struct StoreError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// No such room, or it is deleted.
        case roomNotFound
        /// No such session, or it has ended.
        case sessionNotFound
        /// The user already has as many live rooms as allowed.
        case roomLimitReached
        /// The room or session belongs to another user.
        case notOwner
        /// The session already has a question with this message id; `Conversation.messageID`.
        case duplicateMessage
        /// The store cannot be reached or used now: disk full, locked, server gone. Trying again may help.
        case unavailable
        /// The stored schema is newer or older than this program knows.
        case schemaMismatch
        /// Another process uses the embedded store.
        case inUse
        /// The stored data or the program is at fault.
        case failed
    }

    package var code: Code
    /// What was tried and what went wrong, in words for the operator: never shown to clients.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(message) (\(code.rawValue))" }
}
