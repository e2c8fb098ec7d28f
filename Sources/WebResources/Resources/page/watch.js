// Follows a session over an EventSource: each answer that is being written in it, whoever has asked.

import { api } from "./api.js";

const longestWait = 15_000;
/** A connection that is away for less is not worth a word, in milliseconds. */
const patience = 1_200;

export class Watch {
  #source = null;
  #callbacks;
  #attempts = 0;
  #timer = 0;
  #telling = 0;
  #isClosed = false;
  #wasOpen = false;

  /**
   * @param callbacks `onEvent(id, event)`, `onOpen(isFirst)`, `onAway(words)` when the connection is away and null when it is back,
   *   `onGone()` when the session has ended
   */
  constructor(session, callbacks) {
    this.session = session;
    this.#callbacks = callbacks;
    this.#open();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#telling);
    this.#source?.close();
  }

  /** Tries again at once. */
  retry() {
    if (this.#isClosed || this.#source?.readyState === EventSource.OPEN) return;
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#open();
  }

  #open() {
    const source = new EventSource(api.watchURL(this.session));
    this.#source = source;
    source.onopen = () => {
      this.#attempts = 0;
      this.#tell(null);
      this.#callbacks.onOpen(!this.#wasOpen);
      this.#wasOpen = true;
    };
    source.onmessage = message => {
      const event = JSON.parse(message.data);
      // A failure that passes: the browser comes back by itself.
      if (event.stream_id) this.#callbacks.onEvent(message.lastEventId, event);
      else this.#tell(event.error);
    };
    source.onerror = () => {
      if (this.#isClosed) return;
      this.#tell(navigator.onLine ? "The connection is lost." : "This device is offline.");
      // Otherwise the browser reconnects, and resumes, by itself.
      if (source.readyState === EventSource.CLOSED) this.#check();
    };
  }

  /** An EventSource gives up when nothing is left of the answer that it resumes, or when the service refuses: why, it does not tell. */
  async #check() {
    const source = this.#source;
    const isOver = () => this.#isClosed || this.#source !== source;
    try {
      await api.session(this.session);
      if (!isOver()) this.#open();
    } catch (failure) {
      if (isOver()) return;
      if (failure.status === 404) {
        this.close();
        this.#callbacks.onAway(null);
        this.#callbacks.onGone();
        return;
      }
      this.#attempts += 1;
      this.#timer = setTimeout(() => this.#check(), Math.min(longestWait, 1000 * 2 ** (this.#attempts - 1)));
    }
  }

  #tell(words) {
    clearTimeout(this.#telling);
    if (words === null) this.#callbacks.onAway(null);
    else this.#telling = setTimeout(() => this.#callbacks.onAway(words), patience);
  }
}
