import CMongoC

/// Where the database is, and how it is talked to.
package struct MongoOptions: Sendable {
    /// A connection string. Options in it win over those here.
    package var uri: String
    package var database: String
    /// How many connections, and as many threads, are in use at most.
    package var poolSize: Int
    /// What the server calls this program in its logs.
    package var applicationName = "roomservice"
    /// How long an operation waits for a server that can do it, in milliseconds. With the time that a lost connection takes to
    /// be noticed it makes the time after which a request fails: together less than two seconds.
    package var serverSelectionMilliseconds: Int32 = 700
    package var connectMilliseconds: Int32 = 700
    /// How long an operation waits for an answer, in milliseconds.
    package var socketMilliseconds: Int32 = 900
    /// What must succeed once, on any connection, before anything else is done.
    var check: (@Sendable (borrowing MongoConnection) throws(MongoError) -> Void)?
    /// Is told of every command before it is sent.
    package var observer: (@Sendable (MongoCommand) -> Void)?

    package init(uri: String, database: String, poolSize: Int = 10) {
        self.uri = uri
        self.database = database
        self.poolSize = poolSize
    }

    /// The connection string with all that it leaves open. To be freed by `mongoc_uri_destroy`.
    func makeURI() throws(StoreError) -> OpaquePointer {
        MongoLibrary.start()
        var error = bson_error_t()
        guard let parsed = mongoc_uri_new_with_error(uri, &error) else {
            // The text may hold a password, so that only the library's words are shown.
            throw StoreError(.failed, MongoFailure("connection string", &error).description)
        }
        let timeouts = [
            (MONGOC_URI_SERVERSELECTIONTIMEOUTMS, serverSelectionMilliseconds),
            (MONGOC_URI_CONNECTTIMEOUTMS, connectMilliseconds),
            (MONGOC_URI_SOCKETTIMEOUTMS, socketMilliseconds),
            (MONGOC_URI_MAXPOOLSIZE, Int32(clamping: poolSize)),
        ]
        for (name, value) in timeouts where !mongoc_uri_has_option(parsed, name) {
            mongoc_uri_set_option_as_int32(parsed, name, value)
        }
        for name in [MONGOC_URI_RETRYWRITES, MONGOC_URI_RETRYREADS] where !mongoc_uri_has_option(parsed, name) {
            mongoc_uri_set_option_as_bool(parsed, name, true)
        }
        if mongoc_uri_get_appname(parsed) == nil { mongoc_uri_set_appname(parsed, applicationName) }
        if !mongoc_uri_has_option(parsed, MONGOC_URI_W), let concern = mongoc_write_concern_new() {
            // Without a time limit of its own, a write whose majority is gone would be cut by the socket's.
            mongoc_write_concern_set_wmajority(concern, socketMilliseconds * 8 / 10)
            mongoc_uri_set_write_concern(parsed, concern)
            mongoc_write_concern_destroy(concern)
        }
        return parsed
    }
}
