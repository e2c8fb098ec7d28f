// Shows /openapi.json in Swagger UI.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#documentation",
  deepLinking: true,
  displayRequestDuration: true,
  // The validator is on another host.
  validatorUrl: null,
});
