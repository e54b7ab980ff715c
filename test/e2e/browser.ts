// Debian's Chromium, driven headless, with everything that leaves the machine recorded.
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const candidates = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
]

export async function openBrowser(): Promise<Browser> {
  const executablePath = candidates.find((path) => existsSync(path))
  if (!executablePath) throw new Error('no Chromium on this machine; install it: apt-get install chromium')
  return await chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

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
