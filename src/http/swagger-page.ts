// The API page: Swagger UI from files inside the executable. Its own start script asks a validator on the internet about
// the document and its page has inline script; ours has neither.

import licence from 'swagger-ui-dist/LICENSE' with { type: 'file' }
import notice from 'swagger-ui-dist/NOTICE' with { type: 'file' }
import style from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import script from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import scriptLicence from 'swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt' with { type: 'file' }
import type { Asset, Assets } from './assets.ts'

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>pspf API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="swagger/swagger-ui.css">
    <script src="swagger/swagger-ui-bundle.js" defer></script>
    <script src="swagger/init.js" defer></script>
  </head>
  <body>
    <div id="swagger-ui"></div>
  </body>
</html>
`

const init = `SwaggerUIBundle({
  url: 'swagger/json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
})
`

const javascript = 'text/javascript; charset=utf-8'
const plainText = 'text/plain; charset=utf-8'

/** Paths are relative to `/swagger`, so the page also works below another path. */
export const swaggerAssets: Assets = new Map<string, Asset>([
  ['/swagger', asset(new TextEncoder().encode(page), 'text/html; charset=utf-8')],
  ['/swagger/init.js', asset(new TextEncoder().encode(init), javascript)],
  ['/swagger/swagger-ui-bundle.js', asset(script, javascript)],
  ['/swagger/swagger-ui-bundle.js.LICENSE.txt', asset(scriptLicence, plainText)],
  ['/swagger/LICENSE', asset(licence, plainText)],
  ['/swagger/NOTICE', asset(notice, plainText)],
  ['/swagger/swagger-ui.css', asset(style, 'text/css; charset=utf-8')],
])

function asset(file: string | Uint8Array, contentType: string): Asset {
  return { file, contentType, hashed: false }
}
