import Redis

/// What happens to a lock in Redis in one step, by the server's clock.
///
/// Keys: `lock:<key>` who holds it, while it is held; `lock-line:<key>` who waits for it, by when they came; `lock-waiter:<id>` that one
/// still does, and the channel on which he is told that he is next; `lock-fence` the last token.
enum LockScripts {
    /// `first`, who is next of those who wait, and still do; `wakeFirst` tells him.
    private static let line = """
        local function first()
            while true do
                local id = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
                if not id or redis.call('EXISTS', 'lock-waiter:' .. id) == 1 then return id end
                redis.call('ZREM', KEYS[2], id)
            end
        end
        local function wakeFirst()
            local id = first()
            if id then redis.call('PUBLISH', 'lock-waiter:' .. id, '') end
        end

        """

    /// `held`, the lock's owner and token, and `holder`, what is said of them.
    private static let holder = """
        local held = redis.call('HMGET', KEYS[1], 'owner', 'token')
        local function holder() return {0, held[1], held[2], redis.call('PTTL', KEYS[1])} end

        """

    /// KEYS: lock, line. ARGV: owner, TTL in ms, id of the attempt, for how long it stands in line in ms (0: it goes past the line; -1: it
    /// takes what nobody stands in line for).
    /// Returns 1 and the token; 0, owner, token and time left in ms; or 0 alone: it is free, and others are before this one.
    ///
    /// The token is the time in microseconds, and higher than the last one: so it grows even after Redis has forgotten all.
    static let acquire = RedisScript(
        line + holder + """
            local time = redis.call('TIME')
            local now = time[1] * 1000000 + time[2]
            local patience = tonumber(ARGV[4])
            if patience > 0 then
                redis.call('ZADD', KEYS[2], 'NX', string.format('%.0f', now), ARGV[3])
                redis.call('PEXPIRE', KEYS[2], ARGV[4])
                redis.call('SET', 'lock-waiter:' .. ARGV[3], 1, 'PX', ARGV[4])
            end
            if held[1] then return holder() end
            local next = patience ~= 0 and first()
            if next and next ~= ARGV[3] then return {0} end
            local last = tonumber(redis.call('GET', 'lock-fence') or 0)
            local token = string.format('%.0f', math.max(last + 1, now))
            redis.call('SET', 'lock-fence', token)
            redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', token, 'attempt', ARGV[3])
            redis.call('PEXPIRE', KEYS[1], ARGV[2])
            redis.call('ZREM', KEYS[2], ARGV[3])
            redis.call('DEL', 'lock-waiter:' .. ARGV[3])
            -- From now on another one looks after the end of the holder's time.
            wakeFirst()
            return {1, token}
            """
    )

    /// KEYS: lock, line. ARGV: owner, token, TTL in ms. Returns 1; 0 when it is not held.
    static let renew = RedisScript(
        line + holder + """
            if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
            local isSooner = tonumber(ARGV[3]) < redis.call('PTTL', KEYS[1])
            redis.call('PEXPIRE', KEYS[1], ARGV[3])
            if isSooner then wakeFirst() end
            return 1
            """
    )

    /// KEYS: lock, line. ARGV: owner, token. Returns 1; 0 when it is not held.
    static let release = RedisScript(
        line + holder + """
            if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
            redis.call('DEL', KEYS[1])
            wakeFirst()
            return 1
            """
    )

    /// KEYS: lock. Returns as `acquire` who holds it; or nothing.
    static let info = RedisScript(
        holder + """
            return held[1] and holder()
            """
    )

    /// KEYS: lock, line. Returns as `acquire` who held it; or nothing.
    static let forceRelease = RedisScript(
        line + holder + """
            if not held[1] then return false end
            local was = holder()
            redis.call('DEL', KEYS[1])
            wakeFirst()
            return was
            """
    )

    /// KEYS: lock, line. ARGV: id of the attempt. It stands in line no more, and gives up what it may have acquired without having
    /// heard the reply.
    static let withdraw = RedisScript(
        line + """
            redis.call('ZREM', KEYS[2], ARGV[1])
            redis.call('DEL', 'lock-waiter:' .. ARGV[1])
            if redis.call('HGET', KEYS[1], 'attempt') == ARGV[1] then redis.call('DEL', KEYS[1]) end
            wakeFirst()
            return 1
            """
    )
}
