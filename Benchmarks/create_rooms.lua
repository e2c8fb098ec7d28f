-- For wrk: each request creates a room of a user of its own, so that no user reaches the limit of rooms.
local count = 0
local run

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

-- The argument names the run: users of different runs differ, too.
function init(arguments)
    run = arguments[1]
end

function request()
    count = count + 1
    return wrk.format(nil, nil, nil, '{"user_id":"' .. run .. "-" .. count .. '","room_name":"Benchmark"}')
end
