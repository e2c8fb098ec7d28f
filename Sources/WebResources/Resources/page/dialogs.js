// The two dialogs: a room's name; the user's name and the page's appearance.

import { byID } from "./dom.js";
import { theme } from "./storage.js";
import { applyTheme } from "./theme.js";
import { callFailure } from "./words.js";

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  // A click beside it closes it.
  dialog.addEventListener("click", event => event.target === dialog && dialog.close());
}

/** Opens a dialog; `save` may throw a failure, which is told in it, and it stays open. */
function open(kind, save) {
  const dialog = byID(`${kind}-dialog`);
  const form = byID(`${kind}-form`);
  const error = byID(`${kind}-error`);
  const submit = form.querySelector("[type=submit]");
  error.textContent = "";
  form.onsubmit = async event => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await save();
      dialog.close();
    } catch (failure) {
      error.textContent = callFailure(failure);
    } finally {
      submit.disabled = false;
    }
  };
  dialog.showModal();
}

/** Asks for a room's new name. */
export function askName(name, save) {
  const input = byID("room-name");
  input.value = name;
  open("rename", () => save(input.value.trim()));
  const check = () => input.setCustomValidity(input.value.trim() ? "" : "A room needs a name.");
  input.oninput = check;
  check();
  input.select();
}

/** Asks who the user is, and how the page is to look. */
export function askAccount(user, save) {
  const input = byID("user-id");
  const form = byID("account-form");
  input.value = user;
  form.elements.theme.value = theme.get();
  open("account", () => {
    theme.set(form.elements.theme.value);
    applyTheme();
    return save(input.value.trim());
  });
}
