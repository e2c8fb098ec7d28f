// Where one writes the question, chooses who answers, sends and stops.

import { api } from "./api.js";
import { button, byID, h, icon } from "./dom.js";
import { agents, drafts } from "./storage.js";
import { callFailure, isPassing } from "./words.js";

const limit = 32_768;
const countFrom = 30_000;

export class Composer {
  #form = byID("composer");
  #text = byID("question");
  #send = byID("send");
  #stop = byID("stop");
  #agent = byID("agent");
  #notice = byID("notice");
  #count = byID("composer-count");
  #room = null;
  #countdown = 0;
  /** Whether it is told that one has to wait. */
  #isWaiting = false;
  /** Why the connection is away, in words; null: it is there. */
  #away = null;
  isRunning = false;

  /** @param callbacks `onAsk(text)`, `onStop()` */
  constructor(callbacks) {
    this.#form.addEventListener("submit", event => {
      event.preventDefault();
      this.#submit(callbacks.onAsk);
    });
    this.#text.addEventListener("keydown", event => {
      // While an input method composes, Enter takes its suggestion.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit(callbacks.onAsk);
    });
    this.#text.addEventListener("input", () => this.#changed());
    // Disabled it would lose the focus.
    this.#stop.addEventListener("click", () => this.#stop.ariaDisabled === "true" || callbacks.onStop());
    this.#agent.addEventListener("change", () => agents.set(this.#room, this.#agent.value));
  }

  get agent() {
    return this.#agent.value || "auto";
  }

  /** Shows the draft and the agent of a room; null: of the one that is yet to be made. */
  open(room) {
    this.#room = room;
    this.#text.value = drafts.get(room);
    this.#agent.value = agents.get(room);
    if (!this.#agent.value) this.#agent.value = "auto";
    this.showFailure(null);
    this.#changed();
  }

  /** The room that was yet to be made is there. */
  moveTo(room) {
    agents.set(room, this.agent);
    drafts.set(this.#room, "");
    agents.set(this.#room, "auto");
    this.#room = room;
  }

  /** Offers those agents that there are; returns the name of the default one, or null. */
  async loadAgents() {
    try {
      const info = await api.info();
      this.#setAgents(info.agents, info.default_agent);
      return info.default_agent;
    } catch {
      // Without the list the service chooses, as it does by itself.
      this.#setAgents([], "");
      return null;
    }
  }

  #setAgents(list, defaultAgent) {
    const chosen = this.#agent.value || agents.get(this.#room);
    this.#agent.replaceChildren(
      h("option", { value: "auto" }, list.length > 1 ? "Automatic" : (list[0]?.agent_type ?? "Automatic")),
      ...(list.length > 1 ? list : []).map(agent =>
        h("option", { value: agent.agent_type, title: agent.description }, agent.agent_type + (agent.agent_type === defaultAgent ? " (default)" : "")),
      ),
    );
    this.#agent.value = chosen;
    if (!this.#agent.value) this.#agent.value = "auto";
    byID("agent-choice").classList.toggle("only-one", list.length < 2);
    this.#agent.disabled = list.length < 2;
  }

  focus() {
    // On a phone the keyboard would cover the conversation.
    if (!matchMedia("(pointer: coarse)").matches) this.#text.focus({ preventScroll: true });
  }

  /** Puts a text there to be sent or changed. */
  suggest(text) {
    this.#text.value = text;
    this.#changed();
    this.#text.focus();
  }

  #submit(ask) {
    const text = this.#text.value.trim();
    if (!text || this.#send.disabled) return;
    if (this.isRunning) {
      this.#showWaiting();
      return;
    }
    this.showFailure(null);
    this.#text.value = "";
    this.#changed();
    ask(text);
  }

  #changed() {
    this.#isWaiting = false;
    drafts.set(this.#room, this.#text.value);
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
    // The service counts code points.
    const length = this.#text.value.length < countFrom ? 0 : [...this.#text.value].length;
    const isTooLong = length > limit;
    this.#count.textContent = length < countFrom ? "" : isTooLong ? `Too long by ${length - limit}` : `${limit - length} characters left`;
    this.#count.classList.toggle("too-long", isTooLong);
    this.#send.disabled = isTooLong || !this.#text.value.trim();
  }

  /** Whether an answer is being written in this room, and can be stopped. */
  setRunning(isRunning, { canStop = isRunning } = {}) {
    const hadFocus = document.activeElement === this.#stop;
    this.isRunning = isRunning;
    this.#stop.hidden = !canStop;
    this.#send.hidden = canStop;
    this.setStopping(false);
    if (!isRunning && this.#isWaiting) this.#changed();
    if (hadFocus && !canStop) this.#text.focus();
  }

  /** The connection is away, for which there are words; or back, which is null. */
  setAway(words) {
    const isShown = this.#isWaiting;
    this.#away = words;
    if (isShown) this.#showWaiting();
  }

  /** Why what was written is not sent now, and what comes next. */
  #showWaiting() {
    this.#isWaiting = true;
    this.#count.textContent = this.#away
      ? `${this.#away} The answer goes on once it is back; your text stays here.`
      : "Wait for the answer, or stop it.";
  }

  setStopping(isStopping) {
    this.#stop.ariaDisabled = String(isStopping);
    this.#stop.lastChild.textContent = isStopping ? "Stopping" : "Stop";
  }

  /** A question was not accepted: its text comes back, before what was written meanwhile. */
  giveBack(text, failure, retry) {
    this.#text.value = this.#text.value ? `${text}\n${this.#text.value}` : text;
    this.#changed();
    this.showFailure(failure, () => {
      if (this.#text.value.trim() === text) this.#text.value = "";
      this.#changed();
      retry();
    }, "Your question was not sent.");
  }

  /** A question that was given back has been sent after all. */
  forget(text) {
    if (this.#text.value.trim() !== text) return;
    this.#text.value = "";
    this.#changed();
    this.showFailure(null);
  }

  /** Tells of a failure, with a way on; null takes it away. */
  showFailure(failure, retry, headline) {
    clearInterval(this.#countdown);
    this.#notice.hidden = !failure;
    this.#notice.replaceChildren();
    if (!failure) return;
    const words = h("p", { role: "alert" }, h("strong", {}, headline), ` ${callFailure(failure)}`);
    this.#notice.append(icon("alert"), words);
    if (isPassing(failure) || failure.code === "STREAM_ACTIVE" || failure.code === "ROOM_LIMIT_EXCEEDED") {
      this.#notice.append(this.#retryButton(failure.retryAfter, () => {
        this.showFailure(null);
        retry();
      }));
    }
    const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close this message", onclick: () => this.showFailure(null) }, icon("close"));
    this.#notice.append(close);
  }

  #retryButton(seconds, retry) {
    const made = button("Try again", retry);
    let rest = seconds > 1 ? seconds : 0;
    const show = () => {
      made.disabled = rest > 0;
      made.textContent = rest > 0 ? `Try again in ${rest} s` : "Try again";
      if (rest === 0) clearInterval(this.#countdown);
      rest -= 1;
    };
    if (rest) this.#countdown = setInterval(show, 1000);
    show();
    return made;
  }
}
