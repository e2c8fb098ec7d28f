// Rooms that were left while an answer was being written in them: nobody tells when it goes on, or ends.

import { api } from "./api.js";

/** How often they are looked at, in milliseconds. */
const lookTime = 3_000;

export class Unwatched {
  #rooms = new Set();
  #timer = 0;
  #onLook;

  /** @param onLook what is called while there are such rooms, now and then, and once after the last answer has ended */
  constructor(onLook) {
    this.#onLook = onLook;
  }

  add(room) {
    this.#rooms.add(room);
    this.#wait();
  }

  /** It is watched again, or gone. */
  delete(room) {
    this.#rooms.delete(room);
  }

  #wait() {
    clearTimeout(this.#timer);
    if (this.#rooms.size) this.#timer = setTimeout(() => this.#look(), lookTime);
  }

  async #look() {
    if (!document.hidden) {
      await Promise.all([...this.#rooms].map(async room => (await isRunning(room)) || this.#rooms.delete(room)));
      this.#onLook();
    }
    this.#wait();
  }
}

/** Whether its last answer is being written; of a room that does not tell, nobody asks again. */
async function isRunning(room) {
  try {
    return (await api.history(room, 1)).conversations.at(-1)?.status === "streaming";
  } catch (failure) {
    return failure.status === 0;
  }
}
