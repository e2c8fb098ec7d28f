// Elements from the tokens that marked has found in Markdown. No HTML is made or read on the way, so that nothing in an answer
// can become an element, an attribute or a script that is not made here.

import { h, icon } from "./dom.js";

const schemes = new Set(["http:", "https:", "mailto:"]);
const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", copy: "©", hellip: "…", mdash: "—", ndash: "–" };

/** The elements of block tokens. */
export function blocks(tokens) {
  return tokens.map(block).filter(Boolean);
}

function block(token) {
  switch (token.type) {
    case "space":
      return null;
    case "paragraph":
      return h("p", {}, ...inline(token.tokens));
    case "heading":
      // Below the headings of the page itself.
      return h(token.depth < 3 ? "h3" : token.depth === 3 ? "h4" : "h5", {}, ...inline(token.tokens));
    case "code":
      return code(token);
    case "blockquote":
      return h("blockquote", {}, ...blocks(token.tokens));
    case "list":
      return list(token);
    case "table":
      return table(token);
    case "hr":
      return h("hr");
    case "text":
      return h("p", {}, ...inline(token.tokens ?? [token]));
    default:
      return h("p", {}, token.raw);
  }
}

function list(token) {
  const items = token.items.map(item => {
    // The items of a tight list are lines, not paragraphs.
    const parts = item.tokens.flatMap(each => (each.type === "text" && !item.loose ? inline(each.tokens ?? [each]) : [block(each)]));
    const box = item.task ? h("span", { class: "task", role: "img", "aria-label": item.checked ? "Done" : "To do" }, item.checked ? "☑" : "☐") : null;
    return h("li", item.task ? { class: "task-item" } : {}, box, ...parts);
  });
  return h(token.ordered ? "ol" : "ul", token.ordered && token.start > 1 ? { start: token.start } : {}, ...items);
}

function table(token) {
  const cell = (tag, { tokens }, column) => {
    const align = token.align[column];
    return h(tag, align && align !== "left" ? { class: `align-${align}` } : {}, ...inline(tokens));
  };
  const head = h("tr", {}, ...token.header.map((each, column) => cell("th", each, column)));
  const rows = token.rows.map(row => h("tr", {}, ...row.map((each, column) => cell("td", each, column))));
  const whole = h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows));
  return h("div", { class: "table", role: "region", "aria-label": "Table", tabIndex: 0 }, whole);
}

function code({ text, lang }) {
  const language = lang?.trim().split(/\s/)[0] ?? "";
  const head = h("div", { class: "code-head" }, h("span", {}, language), copyButton(() => text, "Copy the code"));
  // What may be too wide scrolls by itself, also by keyboard.
  const label = language ? `Code, ${language}` : "Code";
  return h("div", { class: "code" }, head, h("pre", { role: "region", "aria-label": label, tabIndex: 0 }, h("code", {}, text)));
}

function inline(tokens) {
  return tokens.flatMap(token => {
    switch (token.type) {
      case "strong":
      case "em":
      case "del":
        return [h(token.type, {}, ...inline(token.tokens))];
      case "codespan":
        return [h("code", {}, decoded(token.text))];
      case "br":
        return [h("br")];
      case "link":
        return link(token.href, inline(token.tokens));
      // A picture would tell its server who reads the answer.
      case "image":
        return link(token.href, [decoded(token.text || token.href)]);
      case "escape":
      case "text":
        return token.tokens ? inline(token.tokens) : [decoded(token.text)];
      default:
        return [token.raw];
    }
  });
}

/** A link, where its address is one that is safe to follow; else what stands on it. */
function link(href, content) {
  const url = URL.parse ? URL.parse(decoded(href)) : parsed(decoded(href));
  if (!url || !schemes.has(url.protocol)) return content;
  return [h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...content)];
}

function parsed(href) {
  try {
    return new URL(href);
  } catch {
    return null;
  }
}

/** marked escapes text for HTML; here it stays text. */
function decoded(text) {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]+));/gi, (whole, decimal, hexadecimal, name) => {
    if (name) return entities[name] ?? whole;
    const point = decimal ? Number(decimal) : parseInt(hexadecimal, 16);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

/** A button that copies text. Browsers let pages do so in secure contexts only; elsewhere there is none. */
export function copyButton(text, label) {
  if (!navigator.clipboard) return null;
  const made = h("button", { type: "button", class: "copy", "aria-label": label, title: label }, icon("copy"));
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
