import CMongoC

/// libmongoc as a whole.
enum MongoLibrary {
    private static let started: Void = {
        // What goes wrong comes back as an error, once. The library would write it to standard error as well, and from its
        // start on.
        mongoc_log_set_handler(nil, nil)
        mongoc_init()
    }()

    /// To be called before anything else of the library; does something the first time only.
    static func start() { started }
}
