// What the page keeps in the browser: who the user is, the session of each room, drafts, and the appearance.

const prefix = "roomservice.";

// Browsers may refuse to store anything: the page then forgets at the next reload, and works until then.
const memory = new Map();

function read(name) {
  try {
    return localStorage.getItem(prefix + name) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

function write(name, value) {
  memory.delete(name);
  try {
    if (value === null) localStorage.removeItem(prefix + name);
    else localStorage.setItem(prefix + name, value);
  } catch {
    if (value !== null) memory.set(name, value);
  }
}

/** The user's id. Without any it is a new guest's, which is kept. */
export function user() {
  const known = read("user");
  if (known) return known;
  const made = `guest-${randomID().slice(0, 8)}`;
  write("user", made);
  return made;
}

export function setUser(id) {
  write("user", id);
}

/** 128 random bits in hexadecimal. `crypto.randomUUID` is for secure contexts only, which a service in a LAN is not. */
export function randomID() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");
}

export const sessions = {
  /** The room's session that all tabs of this browser share, or null; it may have ended. */
  get: room => read(`session.${room}`),
  set: (room, session) => write(`session.${room}`, session),
  forget: room => write(`session.${room}`, null),
};

export const drafts = {
  get: room => read(`draft.${room ?? "new"}`) ?? "",
  set: (room, text) => write(`draft.${room ?? "new"}`, text || null),
};

export const agents = {
  get: room => read(`agent.${room}`) ?? "auto",
  set: (room, name) => write(`agent.${room}`, name === "auto" ? null : name),
};

/** Forgets all that is kept for a room. */
export function forgetRoom(room) {
  for (const kind of ["session", "draft", "agent"]) write(`${kind}.${room}`, null);
}

export const theme = {
  get: () => read("theme") ?? "auto",
  set: value => write("theme", value === "auto" ? null : value),
};

/** Calls back when another tab has changed what is kept: with its kind (`user`, `session`, …) and the room, where it is for one. */
export function onChange(callback) {
  addEventListener("storage", event => {
    if (!event.key?.startsWith(prefix)) return;
    const name = event.key.slice(prefix.length);
    const dot = name.indexOf(".");
    callback(dot < 0 ? name : name.slice(0, dot), dot < 0 ? null : name.slice(dot + 1));
  });
}
