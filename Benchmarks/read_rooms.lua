-- For wrk: reads the rooms whose ids are its arguments, one after the other.
local requests = {}
local index = 0

function init(arguments)
    for number, id in ipairs(arguments) do
        requests[number] = wrk.format("GET", "/api/rooms/" .. id)
    end
end

function request()
    index = index % #requests + 1
    return requests[index]
end
