// On a narrow screen the rooms are a drawer over the conversation.

import { byID } from "./dom.js";

const sidebar = byID("sidebar");
const main = byID("main");
const narrow = matchMedia("(max-width: 800px)");

let isOpen = false;

function apply() {
  document.body.classList.toggle("drawer-open", isOpen && narrow.matches);
  sidebar.inert = narrow.matches && !isOpen;
  main.inert = narrow.matches && isOpen;
  byID("open-drawer").setAttribute("aria-expanded", String(isOpen));
}

export function openDrawer() {
  isOpen = true;
  apply();
  byID("close-drawer").focus();
}

export function closeDrawer() {
  if (!isOpen) return;
  const hadFocus = sidebar.contains(document.activeElement);
  isOpen = false;
  apply();
  if (hadFocus && narrow.matches) byID("open-drawer").focus();
}

byID("open-drawer").addEventListener("click", openDrawer);
byID("close-drawer").addEventListener("click", closeDrawer);
byID("scrim").addEventListener("click", closeDrawer);
addEventListener("keydown", event => event.key === "Escape" && !document.querySelector("dialog[open]") && closeDrawer());
narrow.addEventListener("change", () => {
  isOpen = false;
  apply();
});
apply();
