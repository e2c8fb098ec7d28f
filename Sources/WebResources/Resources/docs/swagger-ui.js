// Shows /openapi.json in Swagger UI.

import { learn, note, prepare } from "./examples.js";

// Its dark look is behind a switch of a bar that is not shown here.
const dark = matchMedia("(prefers-color-scheme: dark)");
const applyScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", applyScheme);
applyScheme();

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#documentation",
  deepLinking: true,
  displayRequestDuration: true,
  // The validator is on another host.
  validatorUrl: null,
  requestInterceptor: request => (request.loadSpec ? request : prepare(request)),
  responseInterceptor: response => {
    if (response.url.endsWith("/openapi.json")) learn(response.body ?? JSON.parse(response.text));
    return note(response);
  },
});
