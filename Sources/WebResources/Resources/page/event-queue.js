/** Has entries taken one after the other, in their order, by a function that may have to wait. */
export class EventQueue {
  #entries = [];
  #take;
  #isTaking = false;
  #isPaused = false;

  /** @param take what takes an entry; it returns a promise where it has to wait, and nothing else where it is done at once */
  constructor(take) {
    this.#take = take;
  }

  push(entry) {
    this.#entries.push(entry);
    this.#run();
  }

  /** Keeps what comes until `resume`. */
  pause() {
    this.#isPaused = true;
  }

  resume() {
    this.#isPaused = false;
    this.#run();
  }

  async #run() {
    if (this.#isTaking) return;
    this.#isTaking = true;
    try {
      while (this.#entries.length && !this.#isPaused) {
        const entries = this.#entries;
        this.#entries = [];
        let count = 0;
        try {
          while (count < entries.length && !this.#isPaused) {
            const waiting = this.#take(entries[count]);
            count += 1;
            if (waiting) await waiting;
          }
        } finally {
          this.#entries.unshift(...entries.slice(count));
        }
      }
    } finally {
      this.#isTaking = false;
    }
  }
}
