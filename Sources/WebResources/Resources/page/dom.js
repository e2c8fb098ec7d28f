// Small helpers to make and find elements. Text goes in as text, never as HTML.

/** The element with that id, which the page must have. */
export function byID(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}`);
  return element;
}

/**
 * Makes an element. Of the properties, `class`, `data-…`, `aria-…`, `role`, `for` and `datetime` become attributes, functions
 * become listeners of the event that they are named after (`onclick`), and others are set as they are.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (/^(class|role|for|datetime|aria-.*|data-.*)$/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

/** One of the symbols of index.html, for the eye only. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

/** A button with words on it. */
export function button(text, onclick, properties = {}) {
  return h("button", { type: "button", class: "button", onclick, ...properties }, text);
}

/** Tells users of screen readers something, politely: when they are idle. */
export function announce(text) {
  const place = byID("announcer");
  // The same text twice would be no change, and not be read again.
  place.textContent = place.textContent === text ? `${text}\u00a0` : text;
}
