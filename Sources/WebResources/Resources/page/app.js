// The page: its parts, and what connects them. The address's fragment names the open room.

import { api } from "./api.js";
import { Composer } from "./composer.js";
import * as deletions from "./deletions.js";
import { askAccount, askName } from "./dialogs.js";
import { byID } from "./dom.js";
import { closeDrawer } from "./drawer.js";
import { ready as markdownReady } from "./markdown.js";
import { showBanner, showMissing, showWelcome } from "./notices.js";
import { Room } from "./room.js";
import { RoomList } from "./room-list.js";
import * as storage from "./storage.js";
import { applyTheme } from "./theme.js";
import * as toasts from "./toasts.js";
import { Transcript } from "./transcript.js";
import { Unwatched } from "./unwatched.js";
import { callFailure, nameFor } from "./words.js";

/** How often the list of rooms is looked at, in milliseconds: other devices change it too. */
const refreshTime = 60_000;

const tabs = typeof BroadcastChannel === "function" ? new BroadcastChannel("roomservice") : null;
let user = storage.user();
let rooms = [];
let areRoomsKnown = false;
let room = null;
let defaultAgent = "assistant";

const list = new RoomList({ onRename: rename, onDelete: remove });
const transcript = new Transcript({
  onAskAgain: question => room.ask(question),
  agentName: type => (type === "auto" || !type ? defaultAgent : type),
});
const unwatched = new Unwatched(refreshRooms);
const composer = new Composer({
  onAsk: text => room.ask(text),
  onStop: () => room.stop(),
});

// MARK: Rooms

function showRooms() {
  list.show(rooms.filter(each => !deletions.has(each.room_id)), room?.id);
  showHead();
}

let refreshing = null;
let isStale = false;

/** Looks at the list again. Calls while it does so make it look once more. */
async function refreshRooms() {
  isStale = true;
  refreshing ??= (async () => {
    try {
      while (isStale) {
        isStale = false;
        const asked = user;
        const found = await api.rooms(asked);
        if (asked !== user) continue;
        noteChange(found.find(each => each.room_id === room?.id));
        rooms = found;
        areRoomsKnown = true;
        showRooms();
      }
    } catch (failure) {
      list.showFailure(failure, refreshRooms);
    } finally {
      refreshing = null;
    }
  })();
  return refreshing;
}

/** Somebody has spoken in the open room whom this tab does not watch. */
function noteChange(found) {
  const known = rooms.find(each => each.room_id === found?.room_id);
  if (known && found && known.message_count !== found.message_count) room.refresh();
}

function changed() {
  refreshRooms();
  tabs?.postMessage("rooms");
}

/** Makes the room for a question that is asked in none; it is the open one, unless another one has been opened meanwhile. */
async function makeRoom(question, isOpen) {
  const made = await api.createRoom(user, nameFor(question) || undefined);
  rooms.unshift(made);
  if (isOpen()) {
    history.replaceState(null, "", `#${made.room_id}`);
    composer.moveTo(made.room_id);
  }
  changed();
  return made.room_id;
}

async function newRoom() {
  closeDrawer();
  const newest = rooms.find(each => !deletions.has(each.room_id));
  // An empty room is as new as any.
  if (newest?.message_count === 0 && newest.metadata.unnamed) {
    go(newest.room_id);
    composer.focus();
    return;
  }
  try {
    const made = await api.createRoom(user, "New room", { unnamed: true });
    rooms.unshift(made);
    go(made.room_id);
    composer.focus();
    changed();
  } catch (failure) {
    toasts.showMessage(`No room was made. ${callFailure(failure)}`);
  }
}

/** A room without a name of its own gets one from what is asked in it first. */
async function nameAfter(question) {
  const open = rooms.find(each => each.room_id === room.id);
  if (!open?.metadata?.unnamed) return;
  const { unnamed, ...metadata } = open.metadata;
  try {
    Object.assign(open, await api.changeRoom(user, open.room_id, { room_name: nameFor(question) || open.room_name, metadata }));
    showRooms();
  } catch {
    // It stays “New room”, which the user can change.
  }
}

function rename(target) {
  askName(target.room_name, async name => {
    const { unnamed, ...metadata } = target.metadata;
    Object.assign(target, await api.changeRoom(user, target.room_id, { room_name: name, metadata }));
    const known = rooms.find(each => each.room_id === target.room_id);
    if (known) known.room_name = target.room_name;
    showRooms();
    changed();
  });
}

function remove(target) {
  const { room_id: id } = target;
  const wasOpen = room?.id === id;
  if (list.hasFocus(id)) list.focusBeside(id);
  deletions.begin(target, user, {
    onUndo() {
      showRooms();
      if (wasOpen) go(id);
    },
    onDone() {
      rooms = rooms.filter(each => each.room_id !== id);
      changed();
    },
    onFailure: showRooms,
  });
  showRooms();
  if (wasOpen) go(null);
}

// MARK: The open room

function go(id) {
  const fragment = id ? `#${id}` : "";
  if (location.hash === fragment) return;
  history.pushState(null, "", fragment || location.pathname);
  openRoom();
}

function openRoom() {
  const id = decodeURIComponent(location.hash.slice(1)) || null;
  if (room?.id && room.id !== id && composer.isRunning) unwatched.add(room.id);
  unwatched.delete(id);
  room?.close();
  list.follow(id, null);
  room = new Room(id, {
    transcript,
    composer,
    showWelcome: welcome,
    makeRoom,
    user: () => user,
    onChange: () => {
      changed();
      nameAfter(transcript.exchanges[0]?.question ?? "");
    },
    onMissing: leaveMissing,
    onProgress: answer => list.follow(room.id, answer),
    onAway: (words, retry) => {
      showBanner(words, retry);
      composer.setAway(words);
    },
  });
  composer.open(id);
  list.mark(id);
  showHead();
  closeDrawer();
  if (id) room.open();
  else {
    composer.setRunning(false);
    welcome();
  }
}

function showHead() {
  const open = rooms.find(each => each.room_id === room?.id);
  const name = open?.room_name ?? (room?.id && !areRoomsKnown ? "…" : room?.id ? "Room" : "New room");
  byID("room-title").textContent = name;
  byID("room-actions").hidden = !open;
  document.title = open ? `${name} · RoomService` : "RoomService";
}

function welcome() {
  showWelcome(transcript, text => room.ask(text));
}

function leaveMissing() {
  const id = room.id;
  const draft = storage.drafts.get(id);
  room.forget();
  if (draft) storage.drafts.set(null, draft);
  rooms = rooms.filter(each => each.room_id !== id);
  history.replaceState(null, "", location.pathname);
  openRoom();
  showMissing(transcript, () => {
    welcome();
    composer.focus();
  });
  refreshRooms();
}

// MARK: The page

function showUser() {
  byID("account-name").textContent = user;
  byID("avatar").textContent = user.slice(0, 1).toUpperCase();
}

function changeUser(id) {
  if (id === user) return;
  toasts.flush();
  storage.setUser(id);
  useUser(id);
}

function useUser(id) {
  user = id;
  rooms = [];
  areRoomsKnown = false;
  showUser();
  if (location.hash) history.pushState(null, "", location.pathname);
  openRoom();
  refreshRooms();
}

byID("new-room").addEventListener("click", newRoom);
byID("rename-room").addEventListener("click", () => rename(rooms.find(each => each.room_id === room.id)));
byID("delete-room").addEventListener("click", () => {
  remove(rooms.find(each => each.room_id === room.id));
  composer.focus();
});
byID("account").addEventListener("click", () => askAccount(user, changeUser));
byID("skip").addEventListener("click", event => {
  event.preventDefault();
  byID("question").focus();
});

addEventListener("popstate", openRoom);
addEventListener("pagehide", toasts.flush);
addEventListener("online", () => {
  room.setVisible(true);
  refreshRooms();
});
document.addEventListener("visibilitychange", () => {
  room.setVisible(!document.hidden);
  if (!document.hidden) refreshRooms();
});
setInterval(() => document.hidden || refreshRooms(), refreshTime);
tabs?.addEventListener("message", refreshRooms);
storage.onChange((kind, id) => {
  if (kind === "session" && id === room.id) room.sessionChanged();
  if (kind === "theme") applyTheme();
  if (kind === "user") useUser(storage.user());
});
markdownReady.then(library => {
  if (!library) toasts.showMessage("Answers are shown as plain text: this build has no Markdown library. scripts/run fetches it, and builds anew.");
});

applyTheme();
showUser();
composer.loadAgents().then(name => (defaultAgent = name ?? defaultAgent));
openRoom();
refreshRooms();
composer.focus();
