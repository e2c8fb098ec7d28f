// Rooms that are gone for the user, and still there for the service until that cannot be undone any more: its own deletion is final.

import { api } from "./api.js";
import { forgetRoom } from "./storage.js";
import { showMessage, showUndo } from "./toasts.js";
import { callFailure } from "./words.js";

const deleted = new Set();

/** Whether the room is gone for the user. */
export function has(room) {
  return deleted.has(room);
}

/** Deletes a room in a while. `callbacks`: `onUndo()`, `onDone()`, `onFailure()` when it is still there. */
export function begin({ room_id: id, room_name: name }, user, callbacks) {
  deleted.add(id);
  const undo = () => {
    deleted.delete(id);
    callbacks.onUndo();
  };
  showUndo(`“${name}” is deleted.`, undo, async isLast => {
    try {
      await api.deleteRoom(user, id, isLast);
    } catch (failure) {
      // Somebody else has deleted it.
      if (failure.status !== 404) {
        deleted.delete(id);
        callbacks.onFailure();
        showMessage(`“${name}” is still there: it could not be deleted. ${callFailure(failure)}`);
        return;
      }
    }
    forgetRoom(id);
    callbacks.onDone();
  });
}
