import Redis

/// What happens in Redis in one step: scripts, so that no other instance can come in between.
///
/// Keys: `instance:<id>` the fencing token of a member while its lease runs; `instances` all members, `<id>:<token>`, by when their leases
/// end; `members:<id>:<token>` the streams of one, each with its session and user; `dead:<id>:<token>` that one was taken for dead; `session:<id>`
/// who answers in a session; `user:<id>` a user's running streams; `stream:<id>` a stream's entries; `rate:…` when a caller's bucket is full again.
enum ClusterScripts {
    /// `now`, by the server's clock, which is everybody's.
    private static let clock = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)

        """

    /// KEYS: instance, instances, dead (of the member that the caller was before). ARGV: id, lease in ms, the token that it had then, or 0. Returns
    /// the token; -1 when others have taken over.
    ///
    /// Else what it had goes on under the new one.
    static let join = RedisScript(
        clock + """
            if redis.call('EXISTS', KEYS[3]) == 1 then return -1 end
            local token = redis.call('INCR', 'fence')
            local before, after = ARGV[1] .. ':' .. ARGV[3], ARGV[1] .. ':' .. token
            if redis.call('ZREM', KEYS[2], before) == 1 and redis.call('EXISTS', 'members:' .. before) == 1 then
                redis.call('RENAME', 'members:' .. before, 'members:' .. after)
            end
            redis.call('SET', KEYS[1], token, 'PX', ARGV[2])
            redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1] .. ':' .. token)
            return token
            """
    )

    /// KEYS: instance, instances, dead. ARGV: id, lease, token. Returns 1; 0 when the lease is gone; -1 when others have taken over.
    static let renew = RedisScript(
        clock + """
            if redis.call('GET', KEYS[1]) ~= ARGV[3] then return -redis.call('EXISTS', KEYS[3]) end
            -- First what a Redis without memory refuses: it is of no use then.
            redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1] .. ':' .. ARGV[3])
            redis.call('PEXPIRE', KEYS[1], ARGV[2])
            return 1
            """
    )

    /// KEYS: instance, instances. ARGV: id, token. A member leaves that has ended its streams itself.
    static let leave = RedisScript(
        """
        if redis.call('GET', KEYS[1]) == ARGV[2] then redis.call('DEL', KEYS[1]) end
        redis.call('ZREM', KEYS[2], ARGV[1] .. ':' .. ARGV[2])
        return 1
        """
    )

    /// KEYS: instances. ARGV: how long, in ms, whoever calls has to end its streams, before another one is asked to.
    /// Returns a member whose lease is over, and its streams with their sessions and users; or nothing.
    static let takeOver = RedisScript(
        clock + """
            local member = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)[1]
            if not member then return false end
            local id, token = string.match(member, '^(.*):(%d+)$')
            -- Nothing of ours: it would stand before all others for good.
            if not id then redis.call('ZREM', KEYS[1], member) return false end
            if redis.call('GET', 'instance:' .. id) == token then redis.call('DEL', 'instance:' .. id) end
            redis.call('SET', 'dead:' .. member, 1, 'EX', 86400)
            redis.call('ZADD', KEYS[1], now + ARGV[1], member)
            return {member, redis.call('HGETALL', 'members:' .. member)}
            """
    )

    /// KEYS: instances. ARGV: member. Its streams have been ended.
    static let bury = RedisScript(
        """
        redis.call('ZREM', KEYS[1], ARGV[1])
        redis.call('DEL', 'members:' .. ARGV[1])
        return 1
        """
    )

    /// KEYS: session, user, instance. ARGV: stream, instance id, token, question, streams that a user may have, user, session.
    /// Returns `claimed`; `busy`, the stream, its instance and its question; `limit`; or `stale`, when the caller's lease is gone.
    static let claim = RedisScript(
        """
        local function lives(id, token) return redis.call('GET', 'instance:' .. id) == token end
        if not lives(ARGV[2], ARGV[3]) then return {'stale'} end
        local held = redis.call('HMGET', KEYS[1], 'stream', 'instance', 'token', 'question')
        if held[1] and held[1] ~= ARGV[1] and lives(held[2], held[3]) then return {'busy', held[1], held[2], held[4]} end
        local streams, count = redis.call('HGETALL', KEYS[2]), 0
        for place = 1, #streams, 2 do
            local id, token = string.match(streams[place + 1], '^(.*):(%d+)$')
            if streams[place] == ARGV[1] or not id or not lives(id, token) then
                redis.call('HDEL', KEYS[2], streams[place])
            else
                count = count + 1
            end
        end
        if count >= tonumber(ARGV[5]) then return {'limit'} end
        local member = ARGV[2] .. ':' .. ARGV[3]
        redis.call('HSET', KEYS[1], 'stream', ARGV[1], 'instance', ARGV[2], 'token', ARGV[3], 'question', ARGV[4])
        redis.call('HSET', KEYS[2], ARGV[1], member)
        redis.call('HSET', 'members:' .. member, ARGV[1], ARGV[7] .. ' ' .. ARGV[6])
        for _, key in ipairs({KEYS[1], KEYS[2], 'members:' .. member}) do redis.call('EXPIRE', key, 86400) end
        return {'claimed'}
        """
    )

    /// KEYS: session, user, members. ARGV: stream.
    static let release = RedisScript(
        """
        if redis.call('HGET', KEYS[1], 'stream') == ARGV[1] then redis.call('DEL', KEYS[1]) end
        redis.call('HDEL', KEYS[2], ARGV[1])
        redis.call('HDEL', KEYS[3], ARGV[1])
        return 1
        """
    )

    /// Appends an entry to each of several streams, and tells their followers.
    ///
    /// KEYS: instance, then for each: stream, channel. ARGV: token, until when it may be done in ms (0: whenever), then for each: how long it is
    /// kept in ms (0: as before), 1 where the entry makes a beginning, the entry.
    /// Returns false when the caller's lease is gone; 0 when it is too late; else for each 1, or 0 where there is no beginning to go on from.
    static let append = RedisScript(
        clock + """
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
            if ARGV[2] ~= '0' and now > tonumber(ARGV[2]) then return 0 end
            local results = {}
            for place = 2, #KEYS, 2 do
                local first = place / 2 * 3
                local key, keep, begins, entry = KEYS[place], ARGV[first], ARGV[first + 1], ARGV[first + 2]
                if begins == '1' then redis.call('DEL', key) end
                if begins == '1' or redis.call('EXISTS', key) == 1 then
                    redis.call('XADD', key, '*', 'e', entry)
                    if keep ~= '0' then redis.call('PEXPIRE', key, keep) end
                    redis.call('PUBLISH', KEYS[place + 1], entry)
                    results[#results + 1] = 1
                else
                    results[#results + 1] = 0
                end
            end
            return results
            """
    )

    /// Says that a stream is stopped.
    ///
    /// KEYS: instance, stream, channel. ARGV: token, entry. Returns how many follow it; false when the caller's lease is gone.
    static let seal = RedisScript(
        """
        if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
        if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('XADD', KEYS[2], '*', 'e', ARGV[2]) end
        -- Not what PUBLISH says: that counts those who listen by a pattern, too, who are no instances. Somebody else who listens to this very
        -- channel is waited for in vain, for as long as it is waited for anybody.
        local followers = redis.call('PUBSUB', 'NUMSUB', KEYS[3])[2]
        redis.call('PUBLISH', KEYS[3], ARGV[2])
        return followers
        """
    )

    /// KEYS: bucket. ARGV: what one costs, and the period, in microseconds. Returns 0, or how long to wait, in microseconds.
    static let take = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0)) + ARGV[1]
        if full - now > tonumber(ARGV[2]) then return full - now - ARGV[2] end
        redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000) + 1)
        return 0
        """
    )
}
