// The API's page: Swagger UI over the OpenAPI document.
"use strict";

const main = document.getElementById("swagger");
SwaggerUIBundle({
  url: main.dataset.url,
  domNode: main,
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  validatorUrl: null, // would send the document to a third-party validator
  displayRequestDuration: true,
});
