// Short messages that go away by themselves.

import { button, byID, h } from "./dom.js";

/** How long one can undo, in milliseconds. The time stands still while the pointer or the focus is on the message. */
const undoTime = 6_000;
const messageTime = 5_000;

let shown = null;

/** Says that something is done, which `onCommit(isLast)` does in a while, unless it is undone. */
export function showUndo(text, onUndo, onCommit) {
  shown?.end();
  const toast = show(text, undoTime, () => onCommit(false));
  const undo = () => {
    toast.cancel();
    onUndo();
  };
  toast.undo = undo;
  toast.flush = () => {
    toast.cancel();
    onCommit(true);
  };
  toast.element.append(button("Undo", undo));
}

/** Says something that needs no answer. */
export function showMessage(text) {
  shown?.end();
  show(text, messageTime, () => {});
}

/** Does at once what waits for its time: the page goes away. */
export function flush() {
  shown?.flush?.();
}

// Undoes as everywhere, unless there is text to be undone.
addEventListener("keydown", event => {
  if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "z" || !shown?.undo) return;
  if (event.target.matches?.("input, textarea") && event.target.value) return;
  event.preventDefault();
  shown.undo();
});

function show(text, time, onEnd) {
  const element = h("div", { class: "toast" }, h("span", { role: "status" }));
  // A status that is there before its text is read more reliably.
  requestAnimationFrame(() => (element.firstChild.textContent = text));
  let timer = 0;
  let rest = time;
  let since = 0;
  let isOver = false;
  const toast = {
    element,
    cancel() {
      // First: with the element goes its focus, and that is not to start the time again.
      isOver = true;
      clearTimeout(timer);
      element.remove();
      if (shown === toast) shown = null;
    },
    end() {
      toast.cancel();
      onEnd();
    },
  };
  // What is on the message, and has the time stand still: the pointer, the focus.
  const holders = new Set();
  const run = () => {
    since = performance.now();
    timer = setTimeout(toast.end, rest);
  };
  const hold = by => {
    if (!holders.size) {
      clearTimeout(timer);
      rest = Math.max(1_000, rest - (performance.now() - since));
    }
    holders.add(by);
  };
  const release = by => {
    if (holders.delete(by) && !holders.size && !isOver) run();
  };
  element.addEventListener("pointerenter", () => hold("pointer"));
  element.addEventListener("pointerleave", () => release("pointer"));
  element.addEventListener("focusin", () => hold("focus"));
  element.addEventListener("focusout", () => release("focus"));
  byID("toasts").append(element);
  shown = toast;
  run();
  return toast;
}
