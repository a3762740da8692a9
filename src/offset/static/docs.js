// What /docs shows: the API as /openapi.json describes it. Nothing is loaded from another host.
"use strict";

window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0, // the schemas are there, but folded
  validatorUrl: null, // else a validator elsewhere is asked
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
