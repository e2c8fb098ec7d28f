// The conversation of the open room: exchanges in the order of their time, older ones as one scrolls up.

import { button, byID, h } from "./dom.js";
import { Exchange } from "./exchange.js";
import { day } from "./time.js";
import { callFailure } from "./words.js";

const pageSize = 20;
/** Who is this near to the end, in pixels, stays there when something comes. */
const nearEnd = 96;

export class Transcript {
  #scroller = byID("scroller");
  #list = byID("transcript");
  #sentinel = byID("top-sentinel");
  #toLatest = byID("to-latest");
  #exchanges = [];
  #callbacks;
  #loadPage = null;
  #hasOlder = false;
  #isLoading = false;
  #follows = true;
  #observer;

  /** @param callbacks `onAskAgain(question)`, `agentName(type)` */
  constructor(callbacks) {
    this.#callbacks = { ...callbacks, onGrow: () => this.#keepPlace() };
    this.#observer = new IntersectionObserver(entries => entries.some(entry => entry.isIntersecting) && this.#loadOlder(), {
      root: this.#scroller,
      rootMargin: "240px 0px 0px 0px",
    });
    this.#scroller.addEventListener("scroll", () => this.#noteScrolling(), { passive: true });
    this.#toLatest.addEventListener("click", () => this.scrollToEnd());
    new ResizeObserver(() => this.#keepPlace()).observe(this.#scroller);
  }

  get exchanges() {
    return this.#exchanges;
  }

  /** Shows nothing but `elements`: what there is to say instead of a conversation. */
  showNotice(...elements) {
    this.#clear();
    this.#list.append(h("div", { class: "empty" }, ...elements));
  }

  showLoading() {
    this.#clear();
    const line = width => h("div", { class: `skeleton ${width}` });
    const block = () => h("div", { class: "skeleton-block" }, line("bubble-line"), line("long"), line("long"), line("short"));
    this.#list.append(h("div", { class: "loading", role: "status" }, h("span", { class: "visually-hidden" }, "Loading the conversation"), block(), block()));
  }

  /** Shows the newest page, and asks `loadPage(limit, offset)` for older ones. */
  async open(loadPage) {
    this.showLoading();
    this.#loadPage = loadPage;
    const page = await loadPage(pageSize, 0);
    if (this.#loadPage !== loadPage) return false;
    this.#clear();
    this.#loadPage = loadPage;
    this.#hasOlder = page.has_more;
    this.merge(page.conversations);
    this.scrollToEnd();
    this.#observe();
    return true;
  }

  #clear() {
    this.#observer.disconnect();
    this.#exchanges = [];
    this.#hasOlder = false;
    this.#loadPage = null;
    this.#isLoading = false;
    this.#list.replaceChildren();
    this.#sentinel.replaceChildren();
    this.#toLatest.hidden = true;
    this.#follows = true;
  }

  /** Shows a question that is about to be asked. */
  add(question) {
    const exchange = new Exchange(question, this.#callbacks);
    if (!this.#exchanges.length) this.#list.replaceChildren();
    this.#insert(exchange, this.#exchanges.length);
    this.scrollToEnd();
    return exchange;
  }

  remove(exchange) {
    this.#exchanges = this.#exchanges.filter(other => other !== exchange);
    exchange.element.remove();
    this.#separateDays();
  }

  /** Takes what is stored: fills in the exchanges that are here, and adds the others. */
  merge(conversations, { except = null } = {}) {
    for (const conversation of conversations) {
      const known =
        this.#exchanges.find(exchange => exchange.conversationID === conversation.conversation_id) ??
        this.#exchanges.find(exchange => !exchange.conversationID && exchange.status !== "waiting" && exchange.sessionID === conversation.session_id && exchange.question === conversation.user_input);
      if (known) {
        if (known === except) known.conversationID = conversation.conversation_id;
        else known.store(conversation);
        continue;
      }
      const exchange = new Exchange(conversation.user_input, this.#callbacks);
      exchange.store(conversation);
      let place = this.#exchanges.length;
      while (place > 0 && this.#exchanges[place - 1].time > exchange.time) place -= 1;
      if (!this.#exchanges.length) this.#list.replaceChildren();
      this.#insert(exchange, place);
    }
    this.#separateDays();
    this.#keepPlace();
  }

  /** The last exchange whose answer is being written in that session. */
  running(sessionID) {
    return this.#exchanges.findLast(exchange => exchange.status === "streaming" && (!sessionID || exchange.sessionID === sessionID));
  }

  #insert(exchange, place) {
    const next = this.#exchanges[place]?.element ?? null;
    this.#exchanges.splice(place, 0, exchange);
    this.#list.insertBefore(exchange.element, next);
    this.#separateDays();
  }

  #separateDays() {
    let last = "";
    for (const exchange of this.#exchanges) {
      const name = day(exchange.time);
      if (name === last) delete exchange.element.dataset.day;
      else exchange.element.dataset.day = name;
      last = name;
    }
  }

  #observe() {
    this.#observer.disconnect();
    if (this.#hasOlder) this.#observer.observe(this.#sentinel);
  }

  async #loadOlder() {
    if (this.#isLoading || !this.#hasOlder) return;
    this.#isLoading = true;
    const loadPage = this.#loadPage;
    this.#sentinel.replaceChildren(h("p", { class: "older", role: "status" }, "Loading older messages…"));
    try {
      const page = await loadPage(pageSize, this.#exchanges.filter(exchange => exchange.conversationID).length);
      if (this.#loadPage !== loadPage) return;
      this.#sentinel.replaceChildren();
      const height = this.#scroller.scrollHeight;
      const top = this.#scroller.scrollTop;
      this.#follows = false;
      this.#hasOlder = page.has_more;
      this.merge(page.conversations);
      // What one reads stays where it is.
      this.#scroller.scrollTop = top + this.#scroller.scrollHeight - height;
      this.#observe();
    } catch (failure) {
      if (this.#loadPage !== loadPage) return;
      this.#observer.disconnect();
      const again = button("Try again", () => {
        this.#observe();
        this.#loadOlder();
      });
      this.#sentinel.replaceChildren(h("p", { class: "older", role: "alert" }, `Older messages could not be loaded. ${callFailure(failure)} `, again));
    } finally {
      if (this.#loadPage === loadPage) this.#isLoading = false;
    }
  }

  #noteScrolling() {
    const rest = this.#scroller.scrollHeight - this.#scroller.scrollTop - this.#scroller.clientHeight;
    this.#follows = rest < nearEnd;
    this.#toLatest.hidden = this.#follows || !this.#exchanges.length;
  }

  #keepPlace() {
    if (this.#follows) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    else this.#noteScrolling();
  }

  scrollToEnd() {
    this.#follows = true;
    this.#toLatest.hidden = true;
    this.#keepPlace();
  }
}
