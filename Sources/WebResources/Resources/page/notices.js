// What stands in the place of a conversation, or above it.

import { button, byID, h } from "./dom.js";
import { callFailure } from "./words.js";

const suggestions = ["How does a streamed answer reach me?", "What happens when my connection breaks?", "Explain rooms and sessions"];

/** For an empty room: what one can do here. */
export function showWelcome(transcript, ask) {
  transcript.showNotice(
    h("h2", {}, "What would you like to know?"),
    h("p", {}, "Answers are written while you watch. You can stop them, close this page, and come back: what was said stays in its room."),
    h("ul", { class: "suggestions" }, ...suggestions.map(text => h("li", {}, button(text, () => ask(text), { class: "suggestion" })))),
  );
}

/** For a room that is gone. */
export function showMissing(transcript, begin) {
  transcript.showNotice(
    h("h2", {}, "This room is no longer there"),
    h("p", { role: "alert" }, "It was deleted, maybe in another window. Nothing else is lost."),
    button("Begin a new one", begin, { class: "button primary" }),
  );
}

/** For a conversation that could not be loaded. */
export function showLoadFailure(transcript, failure, retry) {
  transcript.showNotice(
    h("h2", {}, "This conversation could not be loaded"),
    h("p", { role: "alert" }, callFailure(failure)),
    button("Try again", retry, { class: "button primary" }),
  );
}

/** Above the conversation: the connection is away, for which there are words; or back, which is null. */
export function showBanner(words, retry) {
  const banner = byID("banner");
  const text = words && `${words} ${navigator.onLine ? "Reconnecting…" : "It goes on when the network is back."}`;
  // The button must not go away under the pointer.
  if (text === (banner.firstChild?.textContent ?? null)) return;
  banner.hidden = !words;
  banner.replaceChildren(...(words ? [h("span", {}, text), button("Try now", retry)] : []));
}
