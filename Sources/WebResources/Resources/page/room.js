// The open room: its conversation, its session, and the answer that is being written.

import { api } from "./api.js";
import { send } from "./asking.js";
import { EventQueue } from "./event-queue.js";
import { LiveAnswer } from "./live-answer.js";
import { showLoadFailure } from "./notices.js";
import { drafts, forgetRoom, randomID, sessions } from "./storage.js";
import { Watch } from "./watch.js";

const newest = 10;
/** How often an answer is asked for that cannot be watched, in milliseconds. */
const pollTime = 2_000;
/** A tab that nobody sees holds no connection after this time: browsers have only a few for all tabs together. */
const hiddenTime = 30_000;
/** How much the service's clock and this one may differ, in milliseconds. */
const clockSkew = 60_000;

export class Room {
  #watch = null;
  #live = null;
  #isAsking = false;
  /** Whether something may have happened before the connection was there. */
  #isBehind = false;
  #events = new EventQueue(entry => this.#take(entry));
  #ended = new Set();
  #unsent = null;
  #timers = { poll: 0, hidden: 0, stop: 0 };
  #isClosed = false;

  /**
   * @param id the room's, or null for one that the first question makes
   * @param parts `transcript`, `composer`, `user()`, `makeRoom(question, isOpen)`, `showWelcome()`, `onChange()` when the list of
   *   rooms has to be looked at again, `onMissing()`, `onProgress(answer)` with null after its end, `onAway(words, retry)` as of a Watch
   */
  constructor(id, parts) {
    this.id = id;
    this.parts = parts;
  }

  async open() {
    const { transcript, composer } = this.parts;
    composer.setRunning(false);
    try {
      if (!(await transcript.open((limit, offset) => api.history(this.id, limit, offset)))) return;
    } catch (failure) {
      if (this.#isClosed) return;
      if (failure.status === 404) return this.parts.onMissing();
      return showLoadFailure(transcript, failure, () => this.open());
    }
    if (this.#isClosed) return;
    if (!transcript.exchanges.length) this.parts.showWelcome();
    this.#attach(transcript.running()?.sessionID ?? sessions.get(this.id));
    this.#lookAfterRunning();
  }

  close() {
    this.#isClosed = true;
    this.#watch?.close();
    Object.values(this.#timers).forEach(clearTimeout);
    this.parts.onAway(null);
  }

  // MARK: Asking

  async ask(text) {
    const { transcript, composer } = this.parts;
    if (this.#isAsking || composer.isRunning) return false;
    this.#isAsking = true;
    // The question may be the one whose answer begins: that is known once it is accepted.
    this.#events.pause();
    // The same question after a failure has the same id: the service answers it once, even if it had come to it.
    const question = this.#unsent?.text === text ? this.#unsent : { text, messageID: randomID(), asked: Date.now() };
    const exchange = transcript.add(text);
    const agent = composer.agent;
    exchange.agent = agent;
    composer.setRunning(true, { canStop: false });
    try {
      this.id ??= await this.parts.makeRoom(text, () => !this.#isClosed);
      const accepted = await send({ ...question, agent }, this.id, {
        user: this.parts.user,
        onSession: session => this.#attach(session),
        onSessionEnd: () => this.#detach(),
      });
      this.#unsent = null;
      this.#begin(exchange, accepted);
      this.parts.onChange();
    } catch (failure) {
      this.#unsent = question;
      if (this.#isClosed) {
        // Who has gone to another room finds it when he comes back.
        drafts.set(this.id, text);
        return false;
      }
      transcript.remove(exchange);
      if (!transcript.exchanges.length) this.parts.showWelcome();
      composer.setRunning(this.#live !== null);
      composer.giveBack(text, failure, () => this.ask(text));
    } finally {
      this.#isAsking = false;
      this.#events.resume();
      this.#catchUp();
    }
    return true;
  }

  #begin(exchange, accepted) {
    const { transcript, composer } = this.parts;
    if (this.#isClosed) return;
    const shown = transcript.exchanges.find(other => other.streamID === accepted.stream_id);
    if (shown) transcript.remove(exchange);
    else exchange.accept(accepted.session_id, accepted.stream_id);
    if (accepted.status === "ended") {
      composer.setRunning(false);
      this.#reconcile();
    } else if (!this.#ended.has(accepted.stream_id)) {
      this.#live = { exchange: shown ?? exchange, answer: new LiveAnswer(accepted.stream_id) };
      composer.setRunning(true);
    }
  }

  async stop() {
    const { composer, transcript } = this.parts;
    const exchange = this.#live?.exchange ?? transcript.running();
    if (!exchange) return;
    composer.setStopping(true);
    try {
      await api.stop(exchange.sessionID, this.#live?.answer.streamID);
      // The end comes as an event. Where the connection is away, the history has it.
      this.#timers.stop = setTimeout(() => this.#reconcile(), 1_000);
    } catch (failure) {
      composer.setStopping(false);
      composer.showFailure(failure, () => this.stop(), "The answer could not be stopped.");
    }
  }

  // MARK: Watching

  #attach(session) {
    if (this.#isClosed || !session || this.#watch?.session === session) return;
    this.#watch?.close();
    this.#watch = new Watch(session, {
      onEvent: (id, event) => this.#events.push({ id, event }),
      // What has happened while nobody watched is in the history: a short answer may end before the connection is there.
      onOpen: isFirst => {
        this.#isBehind ||= !isFirst || this.#isAsking || this.#live !== null;
        this.#catchUp();
      },
      onAway: words => this.parts.onAway(words, () => this.#watch?.retry()),
      onGone: () => {
        this.#watch = null;
        if (sessions.get(this.id) === session) sessions.forget(this.id);
        this.#lookAfterRunning();
      },
    });
  }

  #catchUp() {
    if (!this.#isBehind || this.#isAsking) return;
    this.#isBehind = false;
    this.#reconcile();
  }

  #detach() {
    this.#watch?.close();
    this.#watch = null;
  }

  /** Another tab has a session in this room, or none any more. */
  sessionChanged() {
    const session = sessions.get(this.id);
    if (session && !this.#live && !this.#isAsking) this.#attach(session);
  }

  setVisible(isVisible) {
    clearTimeout(this.#timers.hidden);
    if (!this.id) return;
    if (!isVisible) {
      this.#timers.hidden = setTimeout(() => this.#live || this.#detach(), hiddenTime);
    } else if (!this.#watch) {
      this.#attach(sessions.get(this.id));
      this.#reconcile();
    } else {
      this.#watch.retry();
    }
  }

  /** Takes an event. The first of an answer that somebody else has asked for needs a look at the history. */
  #take(entry) {
    if (this.#live?.answer.streamID === entry.event.stream_id) return this.#apply(entry);
    return this.#adopt(entry.event.stream_id).then(isOurs => isOurs && this.#apply(entry));
  }

  #apply({ id, event }) {
    const { exchange, answer } = this.#live ?? {};
    if (answer?.streamID !== event.stream_id || !answer.take(id, event)) return;
    if (event.agent_type) exchange.agent = event.agent_type;
    if (answer.end) return this.#finish(answer.end);
    exchange.update(answer.text, answer.activity);
    this.parts.onProgress(answer.text);
  }

  #finish(end) {
    const { exchange, answer } = this.#live;
    this.#ended.add(answer.streamID);
    this.#endLive();
    exchange.finish(end);
    this.#reconcile();
  }

  #endLive() {
    clearTimeout(this.#timers.stop);
    this.#live = null;
    if (document.hidden) this.setVisible(false);
    this.parts.composer.setRunning(false);
    this.parts.onProgress(null);
    this.parts.onChange();
  }

  /** Finds the question to a stream that begins. */
  async #adopt(streamID) {
    if (this.#ended.has(streamID) || this.#isClosed) return false;
    const { transcript, composer } = this.parts;
    let exchange = transcript.exchanges.find(other => other.streamID === streamID);
    if (!exchange) {
      const session = this.#watch?.session;
      const isUnknown = other => other && (!other.streamID || other.streamID === streamID);
      exchange = transcript.running(session);
      if (!isUnknown(exchange)) {
        await this.#reconcile();
        exchange = transcript.running(session);
      }
      // It has ended meanwhile, and stands there whole.
      if (!isUnknown(exchange)) {
        this.#ended.add(streamID);
        return false;
      }
    }
    exchange.accept(exchange.sessionID, streamID);
    this.#live = { exchange, answer: new LiveAnswer(streamID) };
    composer.setRunning(true);
    this.parts.onChange();
    return true;
  }

  // MARK: The history

  /** Takes over what the store has: answers that have begun or ended unseen. */
  async #reconcile() {
    const { transcript } = this.parts;
    let page;
    try {
      page = await api.history(this.id, newest);
    } catch (failure) {
      if (failure.status === 404 && !this.#isClosed) this.parts.onMissing();
      // Others pass, and the connection's own state is told already.
      return;
    }
    if (this.#isClosed) return;
    const live = this.#live?.exchange;
    transcript.merge(page.conversations, { except: live });
    const stored = live && page.conversations.find(conversation => conversation.conversation_id === live.conversationID);
    if (stored && stored.status !== "streaming") {
      this.#ended.add(this.#live.answer.streamID);
      this.#endLive();
      live.store(stored);
      live.announceEnd();
    }
    this.#noteArrival(page.conversations);
    this.#lookAfterRunning();
  }

  /** A question that seemed lost has come to the service all the same. */
  #noteArrival(conversations) {
    if (!this.#unsent || this.#isAsking) return;
    const { text, asked } = this.#unsent;
    if (!conversations.some(each => each.user_input === text && new Date(each.timestamp) >= asked - clockSkew)) return;
    this.parts.composer.forget(text);
    this.#unsent = null;
  }

  /** An answer may outlast its session; it cannot be watched then, but it can be read. */
  #lookAfterRunning() {
    clearTimeout(this.#timers.poll);
    if (this.#live || this.#isClosed) return;
    const running = this.parts.transcript.running();
    if (!this.#isAsking) this.parts.composer.setRunning(Boolean(running));
    if (running) this.#timers.poll = setTimeout(() => this.#reconcile(), pollTime);
  }

  /** Looks at the history again: somebody without our session may have asked. */
  refresh() {
    if (this.id && !this.#live && !this.#isAsking) this.#reconcile();
  }

  forget() {
    this.close();
    forgetRoom(this.id);
  }
}
