import CMongoC
import Primitives

/// A command on its way to the server.
package struct MongoCommand: Sendable {
    /// As `find`.
    package var name: String
    package var database: String
    /// What the command is about; nil for one about no collection.
    package var collection: String?
    /// All of it, in BSON.
    package var bytes: [UInt8]

    /// All of it, as JSON: dates as ISO 8601.
    package var document: JSONObject {
        BSONDocument(bytes: bytes).read { $0.object }
    }
}

/// Passes commands on to the options' observer.
final class MongoCommandMonitor: Sendable {
    private let observer: @Sendable (MongoCommand) -> Void

    init(_ observer: @escaping @Sendable (MongoCommand) -> Void) {
        self.observer = observer
    }

    /// Has the pool call the monitor, which must outlive it.
    func watch(_ pool: OpaquePointer) {
        guard let callbacks = mongoc_apm_callbacks_new() else { return }
        defer { mongoc_apm_callbacks_destroy(callbacks) }
        mongoc_apm_set_command_started_cb(callbacks) { event in
            guard let event, let context = mongoc_apm_command_started_get_context(event) else { return }
            Unmanaged<MongoCommandMonitor>.fromOpaque(context).takeUnretainedValue().commandStarted(event)
        }
        mongoc_client_pool_set_apm_callbacks(pool, callbacks, Unmanaged.passUnretained(self).toOpaque())
    }

    private func commandStarted(_ event: OpaquePointer) {
        guard let document = mongoc_apm_command_started_get_command(event) else { return }
        let name = mongoc_apm_command_started_get_command_name(event).map { String(cString: $0) } ?? ""
        let database = mongoc_apm_command_started_get_database_name(event).map { String(cString: $0) } ?? ""
        let view = BSONView(document, place: name)
        observer(
            MongoCommand(name: name, database: database, collection: view.firstString, bytes: Array(view.buffer))
        )
    }
}
