// Answers are Markdown, and come from outside: marked makes HTML of them, DOMPurify lets through what is harmless, and the
// Content Security Policy forbids the rest. HTML within an answer is no HTML: it is shown as the text that it is.

import { h, icon } from "./dom.js";

const tags = [
  "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "hr", "input", "li", "ol", "p", "pre", "strong", "table", "tbody",
  "td", "th", "thead", "tr", "ul",
];
const attributes = ["align", "checked", "class", "disabled", "href", "start", "type"];

/** Resolves to what turns Markdown into a DocumentFragment, or to null where the libraries are not there. */
export const ready = Promise.all([import("/assets/marked/marked.esm.js"), import("/assets/dompurify/purify.es.js")])
  .then(([{ marked }, { default: purify }]) => setUp(marked, purify))
  .catch(error => {
    console.error("No Markdown libraries: answers are shown as plain text.", error);
    return null;
  });

let library = null;
ready.then(value => (library = value));

function setUp(marked, purify) {
  marked.use({
    gfm: true,
    breaks: true,
    mangle: false,
    headerIds: false,
    // No token for what looks like HTML leaves it to the rules for text.
    tokenizer: { html: () => undefined, tag: () => undefined },
    renderer: {
      // Below the headings of the page itself.
      heading: (text, level) => `<h${level < 3 ? 3 : level === 3 ? 4 : 5}>${text}</h${level < 3 ? 3 : level === 3 ? 4 : 5}>`,
      // A picture would tell its server who reads the answer.
      image: (href, _, text) => `<a href="${escaped(href)}">${text || escaped(href)}</a>`,
    },
  });
  purify.addHook("afterSanitizeAttributes", node => {
    if (node.tagName !== "A" || !node.hasAttribute("href")) return;
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer nofollow");
  });
  const rules = {
    ALLOWED_TAGS: tags,
    ALLOWED_ATTR: attributes,
    ALLOW_DATA_ATTR: false,
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    RETURN_DOM_FRAGMENT: true,
  };
  return {
    lexer: text => marked.lexer(text),
    fragment: tokens => enhanced(purify.sanitize(marked.parser(tokens), rules)),
  };
}

function escaped(text) {
  return String(text).replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`);
}

/** Adds to code a button that copies it, and makes what may be too wide scroll by itself, also by keyboard. */
function enhanced(fragment) {
  for (const pre of fragment.querySelectorAll("pre")) {
    const code = pre.querySelector("code");
    const language = /language-([\w+#.-]+)/.exec(code?.className ?? "")?.[1] ?? "";
    const box = h("div", { class: "code" }, h("div", { class: "code-head" }, h("span", {}, language), copyButton(() => pre.textContent)));
    pre.replaceWith(box);
    pre.tabIndex = 0;
    pre.setAttribute("role", "region");
    pre.setAttribute("aria-label", language ? `Code, ${language}` : "Code");
    box.append(pre);
  }
  for (const table of fragment.querySelectorAll("table")) {
    const box = h("div", { class: "table", role: "region", "aria-label": "Table", tabIndex: 0 });
    table.replaceWith(box);
    box.append(table);
  }
  for (const input of fragment.querySelectorAll("input")) input.setAttribute("aria-label", input.checked ? "Done" : "To do");
  return fragment;
}

/** A button that copies text. Browsers let pages do so in secure contexts only; elsewhere there is none. */
export function copyButton(text, label = "Copy") {
  if (!navigator.clipboard) return null;
  const made = h("button", { type: "button", class: "copy", "aria-label": label }, icon("copy"));
  made.addEventListener("click", async () => {
    const isDone = await navigator.clipboard.writeText(text()).then(() => true, () => false);
    made.replaceChildren(icon(isDone ? "check" : "alert"));
    made.setAttribute("aria-label", isDone ? "Copied" : "Could not be copied");
    setTimeout(() => {
      made.replaceChildren(icon("copy"));
      made.setAttribute("aria-label", label);
    }, 2000);
  });
  return made;
}

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
  #scheduled = 0;
  #earliest = 0;
  #onrender;

  constructor(element, onrender = () => {}) {
    this.#element = element;
    this.#onrender = onrender;
    if (!library) ready.then(() => this.#text && this.finish(this.#text));
  }

  /** The text so far. */
  update(text) {
    if (!text.startsWith(this.#text.slice(0, this.#settled))) this.#clear();
    this.#text = text;
    if (!this.#scheduled) this.#scheduled = requestAnimationFrame(() => this.#frame());
  }

  /** The whole text: made anew, as what comes late may give meaning to what was before. */
  finish(text) {
    cancelAnimationFrame(this.#scheduled);
    this.#scheduled = 0;
    this.#clear();
    this.#text = text;
    this.#render();
  }

  #clear() {
    this.#element.replaceChildren();
    this.#settled = 0;
    this.#tail = [];
  }

  #frame() {
    this.#scheduled = 0;
    const start = performance.now();
    if (start < this.#earliest) {
      this.#scheduled = requestAnimationFrame(() => this.#frame());
      return;
    }
    this.#render();
    this.#earliest = performance.now() + 4 * (performance.now() - start);
  }

  #render() {
    for (const node of this.#tail) node.remove();
    this.#tail = [];
    this.#element.classList.toggle("plain", !library);
    if (!library) {
      this.#element.textContent = this.#text;
    } else {
      const tokens = library.lexer(this.#text.slice(this.#settled));
      let last = tokens.length - 1;
      while (last > 0 && tokens[last].type === "space") last -= 1;
      if (last > 0) {
        const settled = Object.assign(tokens.slice(0, last), { links: tokens.links });
        const length = settled.reduce((sum, token) => sum + token.raw.length, 0);
        this.#element.append(library.fragment(settled));
        this.#settled += length;
      }
      const fragment = library.fragment(Object.assign(tokens.slice(Math.max(0, last)), { links: tokens.links }));
      this.#tail = [...fragment.childNodes];
      this.#element.append(fragment);
    }
    this.#onrender();
  }
}
