/// What a bulk write did.
struct MongoWriteResult {
    /// Why one of the writes was not done.
    struct WriteError: Equatable {
        /// Which one, in the order in which they were added.
        var index: Int
        var code: Int
        var message: String
        /// The fields of the index that refused it, where the server tells.
        var keys: [String] = []

        static let duplicateKey = 11_000

        var isDuplicate: Bool { code == Self.duplicateKey }

        /// Whether `index` refused the document as a duplicate.
        ///
        /// Servers name the keys (since 4.4) or the index; one that renames indexes calls them after their collection
        /// and keys, `idx_chat_rooms_room_id`.
        func isDuplicate(of index: MongoIndex) -> Bool {
            guard isDuplicate else { return false }
            let fields = index.keys.map { "\($0.field)" }
            if !keys.isEmpty { return keys == fields }
            return message.contains("\(index.name) ")
                || message.contains("'idx_\(index.collection)_\(fields.joined(separator: "_"))'")
        }
    }

    var inserted = 0
    var matched = 0
    var modified = 0
    var removed = 0
    var errors: [WriteError] = []

    init() {}

    init(reply: borrowing BSONView) {
        inserted = reply.optionalInteger("nInserted") ?? 0
        matched = reply.optionalInteger("nMatched") ?? 0
        modified = reply.optionalInteger("nModified") ?? 0
        removed = reply.optionalInteger("nRemoved") ?? 0
        var errors: [WriteError] = []
        reply.forEachDocument(in: "writeErrors") { error in
            errors.append(
                WriteError(
                    index: error.optionalInteger("index") ?? 0,
                    code: error.optionalInteger("code") ?? 0,
                    message: error.optionalString("errmsg") ?? "",
                    keys: error.optionalObject("keyPattern")?.members.map(\.key) ?? []
                )
            )
        }
        self.errors = errors
    }
}
