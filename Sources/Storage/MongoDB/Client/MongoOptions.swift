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

    /// Whether servers on all systems take that name for a database.
    package static func isDatabaseName(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count) && !text.contains { "/\\. \"$*<>:|?\0".contains($0) }
    }

    /// Whether a store can be made with that connection string. Nothing is looked up or connected.
    package static func isConnectionString(_ text: String) -> Bool {
        guard let parsed = try? MongoOptions(uri: text, database: "").makeURI() else { return false }
        mongoc_uri_destroy(parsed)
        return true
    }

    /// The connection string with all that it leaves open. To be freed by `mongoc_uri_destroy`.
    func makeURI() throws(StoreError) -> OpaquePointer {
        MongoLibrary.start()
        guard let parsed = mongoc_uri_new_with_error(uri, nil) else {
            // Neither the text nor the library's words are shown: both may hold the password.
            throw StoreError(
                .failed,
                """
                MONGODB_URI is no connection string: it should be as mongodb://user:password@host:27017/?replicaSet=rs0, \
                with the reserved characters of user and password (: / ? # [ ] @ %) percent-encoded
                """
            )
        }
        do throws(StoreError) {
            fillIn(parsed)
            try fillInWriteConcern(parsed)
            return parsed
        } catch {
            mongoc_uri_destroy(parsed)
            throw error
        }
    }

    private func fillIn(_ parsed: OpaquePointer) {
        let timeouts = [
            (MONGOC_URI_SERVERSELECTIONTIMEOUTMS, serverSelectionMilliseconds),
            (MONGOC_URI_CONNECTTIMEOUTMS, connectMilliseconds),
            (MONGOC_URI_SOCKETTIMEOUTMS, socketMilliseconds),
        ]
        for (name, value) in timeouts where !mongoc_uri_has_option(parsed, name) {
            mongoc_uri_set_option_as_int32(parsed, name, value)
        }
        // A thread never has to wait for a connection.
        mongoc_uri_set_option_as_int32(parsed, MONGOC_URI_MAXPOOLSIZE, Int32(clamping: poolSize))
        for name in [MONGOC_URI_RETRYWRITES, MONGOC_URI_RETRYREADS] where !mongoc_uri_has_option(parsed, name) {
            mongoc_uri_set_option_as_bool(parsed, name, true)
        }
        if mongoc_uri_get_appname(parsed) == nil { mongoc_uri_set_appname(parsed, applicationName) }
    }

    private func fillInWriteConcern(_ parsed: OpaquePointer) throws(StoreError) {
        let given = mongoc_uri_get_write_concern(parsed)
        guard mongoc_write_concern_is_acknowledged(given) else {
            throw StoreError(
                .failed,
                "MONGODB_URI has w=0: what is not acknowledged could be lost; leave it out, or set w"
            )
        }
        guard !mongoc_uri_has_option(parsed, MONGOC_URI_W), let concern = mongoc_write_concern_copy(given) else {
            return
        }
        // Without a time limit of its own, a write whose majority is gone would be cut by the socket's.
        let limit = Int32(clamping: mongoc_write_concern_get_wtimeout_int64(given))
        mongoc_write_concern_set_wmajority(concern, limit > 0 ? limit : socketMilliseconds * 8 / 10)
        mongoc_uri_set_write_concern(parsed, concern)
        mongoc_write_concern_destroy(concern)
    }
}
