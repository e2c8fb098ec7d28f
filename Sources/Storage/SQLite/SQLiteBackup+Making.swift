import Glibc
import Primitives

extension SQLiteBackup {
    /// What the name of a file ends with that SQLite, or this program, takes for something else, and writes over or removes.
    private static let reservedEndings = SQLiteFile.companions + [partialEnding, restoringEnding]
    private static let partialEnding = ".partial"

    /// Makes a backup, and checks it.
    ///
    /// - Parameter target: a file that does not exist, or a folder, in which it gets a name with the time.
    /// - Throws: `.failed` when there is no store, when there is such a file, or when what was copied is damaged; `.unavailable` when it
    ///   cannot be written; `.inUse` while another process makes it. There is no such file then.
    package func make(at target: String) throws(StoreError) -> Result {
        try named("backup") { () throws(StoreError) in try makeNew(at: target) }
    }

    private func makeNew(at target: String) throws(StoreError) -> Result {
        guard !target.isEmpty else { throw StoreError(.failed, "a name is missing") }
        guard folder.hasDatabase else { throw StoreError(.failed, "there is no store in \(folder.path)") }
        let isFolder = SQLiteFile.isFolder(target)
        let path = SQLiteFile.tidied(isFolder ? "\(target)/room-service-\(stamp).db" : target)
        try requireNew(path)
        let parent = SQLiteFolder.parent(of: path)
        guard SQLiteFile.isFolder(parent), !target.hasSuffix("/") || isFolder else {
            throw StoreError(.unavailable, "the folder of \(path) does not exist: make it first")
        }
        try requireUnreserved(path, in: parent)
        // Their names have the time, so that no later backup would come upon them.
        if isFolder {
            PartialFile.removeAbandoned(in: parent, prefix: "room-service-", ending: ".db" + Self.partialEnding)
        }
        let partial = try PartialFile(of: path, ending: Self.partialEnding)
        defer { partial.discard() }
        // Perhaps twice: when somebody begins to write to a store at rest.
        let result = try folder.read { source throws(StoreError) in
            try copy(source, to: partial)
            return try check(partial, name: path, isToBeUsed: false)
        }
        guard let result else { throw StoreError(.failed, "there is no store in \(folder.path)") }
        try partial.publish()
        return result
    }

    /// Has an error say first which command has failed.
    func named<Value>(_ command: String, _ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        do throws(StoreError) {
            return try body()
        } catch {
            throw StoreError(error.code, "\(command): \(error.message)")
        }
    }

    private func requireNew(_ path: String) throws(StoreError) {
        guard SQLiteFile.exists(path) else { return }
        guard access(path, F_OK) == 0 else {
            throw StoreError(
                .failed,
                "\(path) is a link to \(SQLiteFile.resolved(path)), where there is nothing: name the file that is to be made"
            )
        }
        throw StoreError(.failed, "\(path) exists already: choose another name, or a folder")
    }

    private func requireUnreserved(_ path: String, in parent: String) throws(StoreError) {
        if let ending = Self.reservedEndings.first(where: { path.hasSuffix($0) }) {
            throw StoreError(
                .failed,
                "\(path) ends with \(ending), as files do that are no databases: choose another name"
            )
        }
        let isOfStore = FileIdentity(path: parent) == FileIdentity(path: folder.path)
        guard !isOfStore || path != SQLiteFile.tidied("\(parent)/\(SQLiteFolder.lockName)") else {
            throw StoreError(.failed, "\(path) is the name of the store's lock: choose another name")
        }
        // A restore would take it for the backup's.
        if let stray = SQLiteFile.companions.map({ path + $0 }).first(where: SQLiteFile.exists) {
            throw StoreError(
                .failed,
                "there is \(stray), which SQLite would take for a part of it: choose another name"
            )
        }
    }
}
