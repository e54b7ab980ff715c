// What a page of the compiled binary must not do, recorded while it lives.
import type { Page } from 'playwright-core'

/** What a page did that it must not do. */
export type Misdeeds = { offOrigin: string[]; consoleErrors: string[] }

export function watch(page: Page, origin: string): Misdeeds {
  const misdeeds: Misdeeds = { offOrigin: [], consoleErrors: [] }
  const own = new URL(origin).host
  const check = (url: string) => {
    const { host, protocol } = new URL(url)
    if (!['data:', 'blob:'].includes(protocol) && host !== own) misdeeds.offOrigin.push(url)
  }
  page.on('request', (request) => check(request.url()))
  page.on('websocket', (socket) => check(socket.url()))
  page.on('pageerror', (error) => misdeeds.consoleErrors.push(String(error)))
  page.on('console', (message) => {
    // While the server restarts, a refused connection is no misdeed.
    if (message.type() === 'error' && !/ERR_CONNECTION_REFUSED|WebSocket connection/.test(message.text()))
      misdeeds.consoleErrors.push(message.text())
  })
  return misdeeds
}
