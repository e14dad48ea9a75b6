// The API's page: Swagger UI over the OpenAPI document.
"use strict";

const main = document.getElementById("swagger");
SwaggerUIBundle({
  url: main.dataset.url,
  domNode: main,
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  validatorUrl: null, // it would ask a stranger whether the document is right
  displayRequestDuration: true,
});
