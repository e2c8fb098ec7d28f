import CHiredis
import Glibc

/// A connection as hiredis has it: the socket, what is to be written to it, and the parser of what comes. The one place where
/// hiredis is called.
///
/// It is hiredis's non-blocking `redisContext`, not the `redisAsyncContext` above it: in Debian's 0.14 that one resolves names on
/// the caller's thread, allocates for each command, and ends the whole process (`assert`) when a reply comes that nobody
/// has asked for.
///
/// What makes the unsafe code safe: `pointer` is never given away, and valid until `deinit`; replies are copied before they are
/// freed.
final class RedisContext {
    private let pointer: UnsafeMutablePointer<redisContext>
    private let functions: UnsafeMutablePointer<ReplyFunctions>

    /// How hiredis makes its replies. It keeps the address of `table`, which is the structure's own.
    private struct ReplyFunctions {
        var table: redisReplyObjectFunctions
        let createArray: @convention(c) (UnsafePointer<redisReadTask>?, Int32) -> UnsafeMutableRawPointer?
    }

    /// hiredis reads so many bytes at once.
    private static let pieceSize = 16_384
    /// What is read before others get their turn, in bytes.
    private static let readLimit = 262_144
    /// hiredis allocates an array as it is announced, and what announces it may be no Redis.
    private static let elementLimit: Int32 = 1 << 20

    /// Begins to connect, without waiting.
    ///
    /// - Parameter host: a numeric address, so that nothing is looked up.
    convenience init(host: String, port: Int) throws(RedisError) {
        // Zone indices apart, `getaddrinfo` of a numeric address asks nobody.
        try self.init(adopting: redisConnectNonBlock(host, Int32(port)))
    }

    convenience init(path: String) throws(RedisError) {
        try self.init(adopting: redisConnectUnixNonBlock(path))
    }

    private init(adopting context: UnsafeMutablePointer<redisContext>?) throws(RedisError) {
        guard let context, let reader = context.pointee.reader, let original = reader.pointee.fn,
            let createArray = original.pointee.createArray
        else { preconditionFailure("hiredis has no memory") }
        pointer = context
        functions = .allocate(capacity: 1)
        functions.initialize(to: ReplyFunctions(table: original.pointee, createArray: createArray))
        functions.pointee.table.createArray = { task, count in
            guard count <= RedisContext.elementLimit, let functions = task?.pointee.privdata else { return nil }
            return functions.assumingMemoryBound(to: ReplyFunctions.self).pointee.createArray(task, count)
        }
        // `table` is the first member: its address is the structure's.
        reader.pointee.fn = UnsafeMutableRawPointer(functions).assumingMemoryBound(to: redisReplyObjectFunctions.self)
        reader.pointee.privdata = UnsafeMutableRawPointer(functions)
        guard context.pointee.err == 0 else { throw fault }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit {
        // Closes the socket, and frees a reply that is half there by the functions.
        redisFree(pointer)
        functions.deallocate()
    }

    var descriptor: Int32 { pointer.pointee.fd }

    /// Why the connection has not come about; nil: it has. To be asked when the socket can be written to.
    var connectFault: RedisError? {
        var number: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size)
        return number == 0 ? nil : .unavailable(String(cString: strerror(number)))
    }

    private var fault: RedisError {
        if pointer.pointee.err == REDIS_ERR_OOM { return .unavailable("no memory, or a reply of too many elements") }
        let text = String(cString: ch_error(pointer))
        return .unavailable(
            pointer.pointee.err == REDIS_ERR_PROTOCOL ? "it does not speak Redis's protocol: \(text)" : text
        )
    }

    // MARK: Writing

    /// How many bytes have been appended and not been written.
    var unwritten: Int { ch_unwritten(pointer) }

    func append(_ bytes: UnsafeRawBufferPointer) {
        let status = redisAppendFormattedCommand(
            pointer,
            bytes.assumingMemoryBound(to: CChar.self).baseAddress,
            bytes.count
        )
        precondition(status == REDIS_OK, "hiredis has no memory")
    }

    /// Writes what the socket takes.
    func write() throws(RedisError) {
        var isDone: Int32 = 0
        guard redisBufferWrite(pointer, &isDone) == REDIS_OK else { throw fault }
    }

    // MARK: Reading

    /// How many bytes have come and are not yet part of a reply that was taken.
    var unparsed: Int { pointer.pointee.reader.pointee.len - pointer.pointee.reader.pointee.pos }

    /// Reads what the socket has, or a turn's share of it; returns the number of bytes.
    func read() throws(RedisError) -> Int {
        var (total, count) = (0, 0)
        repeat {
            let before = pointer.pointee.reader.pointee.len
            guard redisBufferRead(pointer) == REDIS_OK else {
                // What came before the end is looked at first. The next call fails again.
                guard total == 0 else { return total }
                throw fault
            }
            count = pointer.pointee.reader.pointee.len - before
            total += count
        } while count == Self.pieceSize && total < Self.readLimit
        return total
    }

    /// The next reply of those that have been read as a whole.
    func nextReply() throws(RedisError) -> RedisValue? {
        var reply: UnsafeMutableRawPointer?
        guard redisGetReplyFromReader(pointer, &reply) == REDIS_OK else { throw fault }
        guard let reply else { return nil }
        defer { freeReplyObject(reply) }
        return RedisValue(reply.assumingMemoryBound(to: redisReply.self).pointee)
    }
}

extension RedisValue {
    /// A copy of hiredis's reply.
    fileprivate init(_ reply: redisReply) {
        let bytes = UnsafeRawBufferPointer(start: reply.str, count: reply.str == nil ? 0 : reply.len)
        switch reply.type {
        case REDIS_REPLY_STRING: self = .string(Array(bytes))
        case REDIS_REPLY_INTEGER: self = .integer(Int(reply.integer))
        case REDIS_REPLY_STATUS: self = .status(String(decoding: bytes, as: UTF8.self))
        case REDIS_REPLY_ERROR: self = .error(String(decoding: bytes, as: UTF8.self))
        case REDIS_REPLY_ARRAY:
            self = .array(
                UnsafeBufferPointer(start: reply.element, count: reply.elements).map { element in
                    element.map { RedisValue($0.pointee) } ?? .null
                }
            )
        default: self = .null
        }
    }
}
