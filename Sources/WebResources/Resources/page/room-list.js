// The rooms at the left: names, last messages and times.

import { button, byID, h, icon } from "./dom.js";
import { fullTime, shortTime } from "./time.js";
import { callFailure } from "./words.js";

/** How often the last message of a room follows an answer that is being written, in milliseconds. */
const followTime = 400;
/** As much of it as the service tells, in characters: the line is full long before. */
const excerptLength = 100;

export class RoomList {
  #list = byID("room-list");
  #note = byID("room-note");
  #items = new Map();
  #callbacks;
  /** The answer that is being written in the open room: its room, and its beginning. The list that the service has lags behind. */
  #running = null;
  #following = 0;

  /** @param callbacks `onRename(room)`, `onDelete(room)` */
  constructor(callbacks) {
    this.#callbacks = callbacks;
    this.#list.replaceChildren(...[1, 2, 3].map(() => h("li", { class: "room-skeleton", "aria-hidden": "true" }, h("div", { class: "skeleton long" }), h("div", { class: "skeleton short" }))));
  }

  /** Shows these rooms, in their order; elements stay what they are, so that the focus does too. */
  show(rooms, openRoom) {
    this.#list.removeAttribute("aria-busy");
    this.#setNote(rooms.length ? null : h("p", {}, "No rooms yet. Ask something, and there is one."));
    const items = rooms.map(room => this.#item(room));
    for (const [index, item] of items.entries()) {
      if (this.#list.children[index] !== item.element) this.#list.insertBefore(item.element, this.#list.children[index] ?? null);
    }
    while (this.#list.children.length > items.length) this.#list.lastChild.remove();
    this.#items = new Map(items.map(item => [item.room.room_id, item]));
    this.mark(openRoom);
  }

  /** Has the room's last message follow the answer that is being written in it; null when there is none any more. */
  follow(room, answer) {
    if (answer === null) {
      this.#running = null;
      return;
    }
    const text = answer.slice(0, excerptLength);
    if (this.#running?.room === room && this.#running.text === text) return;
    this.#running = { room, text };
    this.#following ||= setTimeout(() => {
      this.#following = 0;
      const item = this.#items.get(this.#running?.room);
      if (item) this.#showText(item);
    }, followTime);
  }

  showFailure(failure, retry) {
    this.#list.removeAttribute("aria-busy");
    if (!this.#items.size) this.#list.replaceChildren();
    this.#setNote(h("p", { role: "alert" }, `Your rooms could not be loaded. ${callFailure(failure)}`), button("Try again", retry));
  }

  /** Marks the open room. */
  mark(openRoom) {
    for (const [id, item] of this.#items) {
      if (id === openRoom) item.link.setAttribute("aria-current", "page");
      else item.link.removeAttribute("aria-current");
    }
  }

  /** Moves the focus to the room that takes the place of this one. */
  focusBeside(room) {
    const element = this.#items.get(room)?.element;
    const beside = element?.nextElementSibling ?? element?.previousElementSibling;
    (beside?.querySelector("a") ?? byID("new-room")).focus();
  }

  hasFocus(room) {
    return Boolean(this.#items.get(room)?.element.contains(document.activeElement));
  }

  #setNote(...elements) {
    const shown = elements.filter(Boolean);
    this.#note.hidden = !shown.length;
    if (shown.map(each => each.textContent).join("") !== this.#note.textContent) this.#note.replaceChildren(...shown);
  }

  #item(room) {
    const item = this.#items.get(room.room_id) ?? this.#make();
    item.room = room;
    const time = new Date(room.last_activity);
    item.link.href = `#${room.room_id}`;
    item.name.textContent = room.room_name;
    this.#showText(item);
    item.time.textContent = shortTime(time);
    item.time.dateTime = room.last_activity;
    item.time.title = fullTime(time);
    item.rename.setAttribute("aria-label", `Rename ${room.room_name}`);
    item.remove.setAttribute("aria-label", `Delete ${room.room_name}`);
    return item;
  }

  #showText(item) {
    const { room_id: id, last_message: last } = item.room;
    const answer = (this.#running?.room === id && this.#running.text) || last?.agent_response;
    item.text.textContent = answer || last ? excerpt(answer || last.user_input) : "Nothing said yet";
  }

  #make() {
    const item = { room: null };
    item.name = h("span", { class: "room-name" });
    item.time = h("time", { class: "room-time" });
    item.text = h("span", { class: "room-text" });
    item.link = h("a", { class: "room-link" }, item.name, item.time, item.text);
    item.rename = h("button", { type: "button", class: "icon-button", title: "Rename", onclick: () => this.#callbacks.onRename(item.room) }, icon("pencil"));
    item.remove = h("button", { type: "button", class: "icon-button", title: "Delete", onclick: () => this.#callbacks.onDelete(item.room) }, icon("trash"));
    item.element = h("li", { class: "room" }, item.link, h("div", { class: "room-buttons" }, item.rename, item.remove));
    return item;
  }
}

/** A line of an answer without the marks of Markdown, for the eye: what it says need not be exact. */
function excerpt(text) {
  return text.replace(/[#*_`>|]+/g, "").replace(/\s+/g, " ").trim();
}
