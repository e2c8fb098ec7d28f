// How the page looks: as the system does, or as is chosen.

import { theme } from "./storage.js";

/** The colours of the browser's own bars, by scheme, as index.html has them. */
const bars = [...document.querySelectorAll("meta[name=theme-color]")].map(meta => ({ meta, scheme: meta.media.includes("dark") ? "dark" : "light", color: meta.content }));

/** Makes the page look as is chosen. */
export function applyTheme() {
  const chosen = theme.get();
  if (chosen === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  // They know of the system's scheme alone: where another one is chosen, both are of that.
  for (const { meta, scheme } of bars) meta.content = bars.find(each => each.scheme === (chosen === "auto" ? scheme : chosen)).color;
}
