// The service's API, as docs/api.md describes it.

/** A call that did not succeed. */
export class Failure extends Error {
  /**
   * @param {number} status the HTTP status, or 0 when there was no answer
   * @param {string} code the API's `error_code`, or `NETWORK` without an answer
   * @param {string} message what was wrong, in words
   * @param {number} retryAfter when to try again, in seconds; 0: not told
   */
  constructor(status, code, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

async function call(method, path, body, options = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
      cache: "no-store",
      signal: AbortSignal.timeout(20_000),
      ...options,
    });
  } catch (error) {
    const words = error.name === "TimeoutError" ? "The service did not answer in time." : "The service cannot be reached.";
    throw new Failure(0, "NETWORK", navigator.onLine ? words : "This device is offline.");
  }
  const json = await response.json().catch(() => null);
  if (response.ok && json) return json.data ?? json;
  const faults = Array.isArray(json?.details) ? json.details.map(fault => fault.message).join("; ") : null;
  throw new Failure(
    response.status,
    json?.error_code ?? "UNKNOWN",
    faults ?? json?.error ?? `The service answered with status ${response.status}.`,
    Number(response.headers.get("Retry-After")) || 0,
  );
}

const segment = encodeURIComponent;
const query = parameters => new URLSearchParams(parameters).toString();

export const api = {
  info: () => call("GET", "/api/chat/info"),

  /** All rooms of a user, the one that was used last first. */
  async rooms(user) {
    const rooms = [];
    let page;
    do {
      page = await call("GET", `/api/rooms?${query({ user_id: user, limit: 100, offset: rooms.length })}`);
      rooms.push(...page.rooms);
    } while (page.has_more && page.rooms.length);
    return rooms;
  },
  room: room => call("GET", `/api/rooms/${segment(room)}`),
  createRoom: (user, name, metadata) => call("POST", "/api/rooms", { user_id: user, room_name: name, metadata }),
  changeRoom: (user, room, changes) => call("PATCH", `/api/rooms/${segment(room)}?${query({ user_id: user })}`, changes),
  /** With `isLast`, the request outlives the page. */
  deleteRoom: (user, room, isLast = false) =>
    call("DELETE", `/api/rooms/${segment(room)}?${query({ user_id: user })}`, null, isLast ? { keepalive: true, signal: undefined } : {}),

  /** A page of the room's conversations, oldest first; the offset counts from the newest. */
  history: (room, limit, offset = 0) => call("GET", `/api/rooms/${segment(room)}/history?${query({ limit, offset })}`),

  createSession: (user, room) => call("POST", "/api/session/create", { user_id: user, room_id: room }),
  session: session => call("GET", `/api/session/${segment(session)}`),
  /** Asks. The answer comes to whoever watches the session. The same `message_id` again is the same question. */
  ask: question => call("POST", "/api/chat/message", question),
  stop: (session, stream) => call("POST", `/api/session/${segment(session)}/stop`, stream ? { stream_id: stream } : null),
  watchURL: session => `/api/chat/message?${query({ session_id: session })}`,
};
