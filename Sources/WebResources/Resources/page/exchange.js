// A question and its answer, as they stand in the transcript.

import { announce, button, h, icon } from "./dom.js";
import { MarkdownView } from "./markdown.js";
import { copyButton } from "./markdown-dom.js";
import { fullTime, timeOfDay } from "./time.js";
import { answerFailure } from "./words.js";

const announcedLength = 1500;

export class Exchange {
  /** The stored conversation's id, once it is known. */
  conversationID = null;
  sessionID = null;
  streamID = null;
  /** `waiting` until the service has accepted the question, then as the API calls it. */
  status = "waiting";
  question;
  time = new Date();
  element;
  #text = "";
  #shownState = "";
  #parts;
  #view;
  #callbacks;

  /** @param callbacks `onGrow()` after the element has changed its size, `onAskAgain(question)`, `agentName(type)` */
  constructor(question, callbacks) {
    this.question = question;
    this.#callbacks = callbacks;
    const body = h("div", { class: "markdown" });
    this.#parts = {
      asked: h("time", { class: "time" }),
      agent: h("span"),
      body,
      state: h("div", { class: "answer-state" }),
      actions: h("div", { class: "answer-actions" }),
    };
    this.#view = new MarkdownView(body, () => this.#callbacks.onGrow());
    this.element = h(
      "article",
      { class: "exchange" },
      h(
        "div",
        { class: "question" },
        h("h2", { class: "question-head" }, h("span", { class: "visually-hidden" }, "You asked, "), this.#parts.asked),
        h("div", { class: "bubble" }, question),
      ),
      h(
        "div",
        { class: "answer" },
        h("div", { class: "answer-head" }, h("span", { class: "agent-mark", "aria-hidden": "true" }), h("h2", { class: "agent-name" }, this.#parts.agent, h("span", { class: "visually-hidden" }, " answered"))),
        body,
        this.#parts.state,
        this.#parts.actions,
      ),
    );
    this.#showTime();
    this.#showState();
  }

  /** Fills in what the store knows. An answer that runs shows no less than it did. */
  store(conversation) {
    this.conversationID = conversation.conversation_id;
    this.sessionID = conversation.session_id;
    this.time = new Date(conversation.timestamp);
    this.agent = conversation.agent_type;
    this.#showTime();
    if (conversation.status === "streaming") {
      this.status = "streaming";
      this.update(conversation.agent_response);
    } else {
      const { error, error_code: code } = conversation.metadata ?? {};
      this.#end(conversation.status, conversation.agent_response, answerFailure(code, error));
    }
  }

  /** The service has accepted the question. */
  accept(sessionID, streamID) {
    this.sessionID = sessionID;
    this.streamID = streamID;
    this.status = "streaming";
    this.#showState();
  }

  set agent(type) {
    this.#parts.agent.textContent = this.#callbacks.agentName(type);
  }

  /** The answer so far, and in words what is being done while there is no text. */
  update(text, activity = null) {
    // An answer that is watched anew begins from its start.
    if (text.length > this.#text.length) {
      this.#text = text;
      this.#view.update(text);
    }
    this.#showState(activity);
  }

  /** The terminal event. */
  finish(event) {
    const statuses = { complete: "completed", error: "failed" };
    const status = statuses[event.status] ?? event.status;
    this.#end(status, event.content ?? this.#text, answerFailure(event.error_code, event.error));
    this.announceEnd();
  }

  /** Tells users of screen readers how the answer ended, and what it is. */
  announceEnd() {
    const words = this.status === "completed" ? "The answer is complete." : this.#parts.state.querySelector("span")?.textContent;
    announce(`${words} ${this.#parts.body.textContent.slice(0, announcedLength)}`);
  }

  #end(status, text, failure) {
    const isSame = status === this.status && text === this.#text;
    this.status = status;
    this.#text = text;
    if (isSame) return;
    this.#view.finish(text);
    this.#showState(null, failure);
  }

  #showTime() {
    this.#parts.asked.dateTime = this.time.toISOString();
    this.#parts.asked.textContent = timeOfDay(this.time);
    this.#parts.asked.title = fullTime(this.time);
  }

  #showState(activity = null, failure = "") {
    const isRunning = this.status === "waiting" || this.status === "streaming";
    const words = isRunning ? (activity ?? (this.#text ? "" : "Waiting for the answer")) : failure;
    // With each token it is called, and nearly always there is nothing to do.
    const key = `${this.status} ${words}`;
    if (isRunning && key === this.#shownState) return;
    this.#shownState = key;
    this.element.dataset.status = this.status;
    this.element.setAttribute("aria-busy", String(isRunning));
    const { state, actions } = this.#parts;
    if (isRunning) {
      state.replaceChildren(...(words ? [h("span", { class: "dots", "aria-hidden": "true" }), h("span", { class: "activity" }, words)] : []));
      actions.replaceChildren();
      return;
    }
    const again = () => button("Ask again", () => this.#callbacks.onAskAgain(this.question), { class: "quiet" });
    const mark = (name, text, ...more) => h("p", { class: `mark ${this.status}` }, icon(name), h("span", {}, text), ...more);
    const marks = {
      cancelled: () => mark("stop-icon", this.#text ? "Stopped. This is as far as it got." : "Stopped before it began.", again()),
      interrupted: () => mark("alert", "The service was restarted while this was being written.", again()),
      failed: () => mark("alert", failure, again()),
    };
    state.replaceChildren(...(marks[this.status] ? [marks[this.status]()] : []));
    const copy = this.#text ? copyButton(() => this.#text, "Copy the answer") : null;
    actions.replaceChildren(...(copy ? [copy] : []));
    this.#callbacks.onGrow();
  }
}
