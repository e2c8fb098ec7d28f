// Shows answers, which are Markdown, as they grow.

import { blocks } from "./markdown-dom.js";

/** Resolves to what finds the tokens in Markdown, or to null where the library is not there. */
export const ready = import("/assets/marked/marked.esm.js").then(
  ({ marked }) => {
    marked.use({
      gfm: true,
      breaks: true,
      mangle: false,
      // HTML within an answer is none: without a token for it, it is the text that it is.
      tokenizer: { html: () => undefined, tag: () => undefined },
    });
    return marked.lexer;
  },
  error => {
    console.error("No Markdown library: answers are shown as plain text.", error);
    return null;
  },
);

let lexer = null;

// The library's time grows with the square of these, where they are not closed: within one block beyond that many, a text is shown as it is.
const MOST_MARKS = 1500;

/** Whether a block has more marks of emphasis, code and links than an answer that people read. */
function isTooMuch(text) {
  if (text.length < MOST_MARKS) return false;
  return text.split(/\n[ \t]*\n/).some(block => (block.match(/[*_~`[\]<]+/g)?.length ?? 0) > MOST_MARKS);
}
ready.then(value => (lexer = value));

/**
 * Shows a text that grows. What can no longer change, as another block has begun behind it, is made once; and the rest at most
 * once a frame, and no more than a fifth of the time: the work is not quadratic in the length.
 */
export class MarkdownView {
  #element;
  #text = "";
  /** How much of the text stands for good. */
  #settled = 0;
  #tail = [];
  #frame = 0;
  #earliest = 0;
  #onRender;

  constructor(element, onRender) {
    this.#element = element;
    this.#onRender = onRender;
    if (!lexer) ready.then(() => this.#text && this.finish(this.#text));
  }

  /** The text so far: what it was before, and more. */
  update(text) {
    this.#text = text;
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#renderInTime());
  }

  /** The whole text: made anew, as what comes late may give meaning to what was before. */
  finish(text) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#clear();
    this.#text = text;
    this.#render();
  }

  #clear() {
    this.#element.replaceChildren();
    this.#settled = 0;
    this.#tail = [];
  }

  #renderInTime() {
    const start = performance.now();
    if (start < this.#earliest) {
      this.#frame = requestAnimationFrame(() => this.#renderInTime());
      return;
    }
    this.#frame = 0;
    this.#render();
    const end = performance.now();
    this.#earliest = end + 4 * (end - start);
  }

  #render() {
    for (const node of this.#tail) node.remove();
    this.#tail = [];
    this.#element.classList.toggle("plain", !lexer);
    if (lexer) this.#renderMarkdown();
    else this.#element.textContent = this.#text;
    this.#onRender();
  }

  #renderMarkdown() {
    const rest = this.#text.slice(this.#settled);
    try {
      if (!isTooMuch(rest)) return this.#renderTokens(lexer(rest));
    } catch (error) {
      // Nested deeper than the library can go.
      console.info("Shown as plain text:", error.message);
    }
    const plain = document.createElement("p");
    plain.className = "plain";
    plain.textContent = rest;
    this.#tail = [plain];
    this.#element.append(plain);
  }

  #renderTokens(tokens) {
    let last = tokens.length - 1;
    while (last > 0 && tokens[last].type === "space") last -= 1;
    const settled = tokens.slice(0, Math.max(0, last));
    this.#element.append(...blocks(settled));
    this.#settled += settled.reduce((sum, token) => sum + token.raw.length, 0);
    this.#tail = blocks(tokens.slice(Math.max(0, last)));
    this.#element.append(...this.#tail);
  }
}
