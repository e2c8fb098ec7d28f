// Shows /openapi.json in ReDoc.
Redoc.init("/openapi.json", { expandResponses: "200,201", nativeScrollbars: true }, document.getElementById("documentation"));
