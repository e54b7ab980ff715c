// Every page in a real browser, light and dark, wide and narrow: it renders, nothing is refused, nothing leaves the
// origin, nothing scrolls sideways, every text can be read. The pictures land in test-artifacts/ to be looked at.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { type BuiltFile, buildUi, firstLoadGzipBytesMax } from '../../ui/build.ts'
import { contextFor, type Look, launchChromium, openPage, type Watched } from './browser.ts'
import { unreadableTexts } from './contrast.ts'
import { type FakeServer, startFakeServer } from './fake-server.ts'

const artifacts = join(import.meta.dir, '..', '..', 'test-artifacts', 'ui')
const timeoutMs = 120_000

let outdir: string
let files: BuiltFile[]
let server: FakeServer
let empty: FakeServer
let below: FakeServer
let browser: Browser

beforeAll(async () => {
  mkdirSync(artifacts, { recursive: true })
  outdir = mkdtempSync(join(tmpdir(), 'pspf-ui-'))
  files = await buildUi(outdir)
  server = startFakeServer({ files })
  empty = startFakeServer({ files, empty: true })
  below = startFakeServer({ files, basePath: '/below/here' })
  browser = await launchChromium()
}, timeoutMs)

afterAll(async () => {
  await browser?.close()
  for (const one of [server, empty, below]) await one?.stop()
  rmSync(outdir, { recursive: true, force: true })
}, timeoutMs)

type Screen = {
  readonly name: string
  readonly path: string
  /** Is there once the page is complete. */
  readonly ready: string
  act?(watched: Watched): Promise<void>
}

const screens: readonly Screen[] = [
  { name: 'overview', path: '', ready: '.overview-charts canvas' },
  { name: 'topics', path: 'topics', ready: '.table tbody tr' },
  { name: 'topic-messages', path: 'topics/orders', ready: '.messages tbody tr' },
  {
    name: 'topic-record',
    path: 'topics/orders',
    ready: '.messages tbody tr',
    async act({ page }) {
      await page.click('.messages tbody tr:nth-child(2) button')
      await page.waitForSelector('dialog.drawer .json')
    },
  },
  { name: 'topic-live', path: 'topics/orders?from=live', ready: '.messages tbody tr' },
  {
    name: 'topic-produce',
    path: 'topics/orders',
    ready: '.messages tbody tr',
    async act({ page }) {
      await page.click('text=Produce')
      await page.waitForSelector('dialog.modal textarea')
    },
  },
  { name: 'topic-partitions', path: 'topics/orders?tab=partitions', ready: 'table[aria-label=Readers]' },
  { name: 'topic-config', path: 'topics/orders?tab=config', ready: 'form select' },
  { name: 'topic-danger', path: 'topics/orders?tab=danger', ready: '.button.danger' },
  { name: 'topic-empty', path: 'topics/sensors.vibration', ready: '.empty .command' },
  {
    name: 'topic-create',
    path: 'topics',
    ready: '.table tbody tr',
    async act({ page }) {
      await page.click('text=New topic')
      await page.waitForSelector('dialog.modal input')
    },
  },
  { name: 'apps', path: 'apps', ready: '.app-card' },
  { name: 'app-graph', path: 'apps/quickstart?view=graph', ready: '.wire-rate' },
  { name: 'app-large', path: 'apps/flights?view=graph', ready: '.wire-rate' },
  { name: 'app-list', path: 'apps/quickstart?view=list', ready: 'table[aria-label^=Operators] tbody tr' },
  { name: 'app-state', path: 'apps/quickstart?view=state', ready: 'table[aria-label=Rows] tbody tr' },
  {
    name: 'app-state-row',
    path: 'apps/quickstart?view=state&node=per-minute&key=so',
    ready: 'table[aria-label=Rows] tbody tr',
    async act({ page }) {
      await page.click('table[aria-label=Rows] tbody tr:nth-child(2) button')
      await page.waitForSelector('dialog.drawer .json')
    },
  },
  { name: 'app-failed', path: 'apps/alarms', ready: '.notice pre' },
  { name: 'dead-letter-topics', path: 'dlq', ready: '.table tbody tr' },
  { name: 'dead-letters', path: 'dlq/orders.dead', ready: '.letters tbody tr' },
  {
    name: 'dead-letter',
    path: 'dlq/orders.dead',
    ready: '.letters tbody tr',
    async act({ page }) {
      await page.click('.letters tbody tr:nth-child(2) button')
      await page.waitForSelector('dialog.drawer .json')
    },
  },
  {
    name: 'dead-letter-replay',
    path: 'dlq/orders.dead',
    ready: '.letters tbody tr',
    async act({ page }) {
      await page.click('.toolbar .button.primary:enabled')
      await page.waitForSelector('dialog.modal strong')
    },
  },
  { name: 'dashboards', path: 'dashboards', ready: '.dashboard-card' },
  { name: 'dashboard-host', path: 'dashboards/host', ready: '.board-grid .chart canvas' },
  { name: 'dashboard-flights', path: 'dashboards/flights', ready: '.board-grid .chart canvas' },
  { name: 'dashboard-revenue', path: 'dashboards/revenue', ready: '.widget-none' },
  {
    name: 'dashboard-table',
    path: 'dashboards/flights',
    ready: '.board-grid .chart canvas',
    async act({ page }) {
      await page.hover('.widget.kind-area')
      await page.click('.widget.kind-area .menu > .icon-button')
      await page.click('text=View as table')
      await page.waitForSelector('.widget.kind-area tbody tr')
    },
  },
  { name: 'embed-widget', path: 'embed/w/flights.hubs', ready: '.embed .chart canvas' },
  { name: 'embed-dashboard', path: 'embed/d/host', ready: '.embed .chart canvas' },
  { name: 'not-found', path: 'nowhere', ready: '.empty' },
]

const looks: readonly Look[] = [
  { theme: 'light', width: 1440, height: 900 },
  { theme: 'dark', width: 1440, height: 900 },
  { theme: 'light', width: 390, height: 844 },
  { theme: 'dark', width: 390, height: 844 },
]

async function visit(watched: Watched, base: string, screen: Screen): Promise<void> {
  const { page } = watched
  await page.goto(base + screen.path)
  await page.waitForSelector(screen.ready)
  await page.waitForFunction(() => document.querySelector('main .skeleton') === null)
  await screen.act?.(watched)
  // Two pictures: whatever was measured in the first is laid out in the second.
  await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null)))),
  )
}

/** Wider than the window would mean scrolling sideways. */
function overflow(): number {
  return document.documentElement.scrollWidth - document.documentElement.clientWidth
}

for (const look of looks) {
  test(
    `every page stands at ${look.width} px in ${look.theme}`,
    async () => {
      const context = await contextFor(browser, look)
      const watched = await openPage(context, new URL(server.url).origin)
      const wrong: string[] = []
      for (const screen of screens) {
        await visit(watched, server.url, screen)
        await watched.page.screenshot({
          path: join(artifacts, `${screen.name}-${look.theme}-${look.width}.png`),
          fullPage: !/^(topic-(messages|record|live|produce)|dead-letter)/.test(screen.name),
          animations: 'disabled',
        })
        const sideways = await watched.page.evaluate(overflow)
        if (sideways > 0) wrong.push(`${screen.name} scrolls sideways by ${sideways} px`)
        const faint = await watched.page.evaluate(unreadableTexts)
        wrong.push(...faint.map((text) => `${screen.name}: ${text}`))
      }
      await context.close()
      expect(wrong).toEqual([])
      expect(watched.faults).toEqual([])
    },
    timeoutMs,
  )
}

describe('a page', () => {
  test(
    'of a new node teaches the first steps',
    async () => {
      const context = await contextFor(browser, looks[0]!)
      const watched = await openPage(context, new URL(empty.url).origin)
      const pages = [
        { name: 'empty-overview', path: '', ready: '.steps .command' },
        { name: 'empty-topics', path: 'topics', ready: '.empty .command' },
        { name: 'empty-apps', path: 'apps', ready: '.empty .command' },
        { name: 'empty-dead-letters', path: 'dlq', ready: '.empty .command' },
        { name: 'empty-dashboards', path: 'dashboards', ready: '.empty .command' },
      ]
      for (const screen of pages) {
        await visit(watched, empty.url, screen)
        await watched.page.screenshot({ path: join(artifacts, `${screen.name}.png`), fullPage: true })
      }
      expect(await watched.page.textContent('.empty')).toContain('No dashboards yet')
      await context.close()
      expect(watched.faults).toEqual([])
    },
    timeoutMs,
  )

  test(
    'works below a path behind a proxy, links included',
    async () => {
      const context = await contextFor(browser, looks[0]!)
      const watched = await openPage(context, new URL(below.url).origin)
      await visit(watched, below.url, screens[0]!)
      await watched.page.click('.rail a:has-text("Topics")')
      await watched.page.waitForSelector('.table tbody tr')
      expect(watched.page.url()).toBe(`${below.url}topics`)
      await watched.page.click('.table a:has-text("orders")')
      await watched.page.waitForSelector('.messages tbody tr')
      expect(new URL(watched.page.url()).pathname).toBe('/below/here/topics/orders')
      await context.close()
      expect(watched.faults).toEqual([])
    },
    timeoutMs,
  )

  test(
    'moves: the value of a stat changes by itself, and stands still while paused',
    async () => {
      const context = await contextFor(browser, looks[0]!)
      const { page, faults } = await openPage(context, new URL(server.url).origin)
      await page.goto(`${server.url}dashboards/flights`)
      const value = page.locator('article[aria-label="Flights so far"] .stat-value')
      await value.waitFor()
      const first = await value.textContent()
      await page.waitForFunction(
        (before) =>
          document.querySelector('article[aria-label="Flights so far"] .stat-value')?.textContent !== before,
        first,
      )
      await page.keyboard.press('Space')
      await page.waitForSelector('text=/Paused · [2-9] waiting|Paused · \\d\\d+ waiting/')
      const frozen = await value.textContent()
      await page.waitForSelector('text=/Paused · [3-9]\\d waiting|Paused · \\d\\d\\d+ waiting/')
      expect(await value.textContent()).toBe(frozen)
      await page.keyboard.press('Space')
      await page.waitForSelector('.pill.beating')
      await context.close()
      expect(faults).toEqual([])
    },
    timeoutMs,
  )

  test(
    'comes back by itself after a lost connection',
    async () => {
      const context = await contextFor(browser, looks[0]!)
      const { page } = await openPage(context, new URL(server.url).origin)
      await page.goto(`${server.url}topics`)
      await page.waitForSelector('.pill.beating')
      server.dropSockets()
      await page.waitForSelector('text=Reconnecting')
      await page.waitForSelector('.pill.beating')
      await context.close()
    },
    timeoutMs,
  )

  test(
    'says since when it is stale if the server falls silent',
    async () => {
      const quiet = startFakeServer({ files })
      const context = await contextFor(browser, looks[0]!)
      const { page } = await openPage(context, new URL(quiet.url).origin)
      await page.goto(`${quiet.url}dashboards/flights`)
      await page.waitForSelector('.board-grid .chart canvas')
      quiet.freeze(true)
      await page.waitForSelector('text=/Stale since \\d\\d:\\d\\d:\\d\\d/', { timeout: 30_000 })
      await page.waitForSelector('.widget.is-stale .widget-stale')
      await page.screenshot({ path: join(artifacts, 'stale.png') })
      quiet.freeze(false)
      await page.waitForSelector('.pill.beating', { timeout: 30_000 })
      await context.close()
      await quiet.stop()
    },
    timeoutMs,
  )

  test(
    'is worked by the keyboard alone',
    async () => {
      const context = await contextFor(browser, looks[0]!)
      const { page, faults } = await openPage(context, new URL(server.url).origin)
      await page.goto(server.url)
      await page.waitForSelector('.overview-charts canvas')
      await page.keyboard.press('g')
      await page.keyboard.press('t')
      await page.waitForSelector('.table tbody tr')
      await page.keyboard.press('/')
      await page.keyboard.type('sensors')
      await page.waitForFunction(() => document.querySelectorAll('.table tbody tr').length === 2)
      expect(page.url()).toContain('q=sensors')
      await page.keyboard.press('Escape')
      await page.keyboard.press('?')
      await page.waitForSelector('dialog[open]')
      await page.keyboard.press('Escape')
      await page.waitForSelector('dialog', { state: 'detached' })
      await page.keyboard.press('g')
      await page.keyboard.press('d')
      await page.waitForSelector('.dashboard-card')
      await page.goto(`${server.url}dashboards/host`)
      await page.waitForSelector('.chart canvas')
      await page.focus('.chart-surface')
      await page.keyboard.press('ArrowLeft')
      await page.waitForFunction(() => /cpu .*%/.test(document.querySelector('output')?.textContent ?? ''))
      await context.close()
      expect(faults).toEqual([])
    },
    timeoutMs,
  )

  test(
    'keeps the chosen theme and shows it before anything else',
    async () => {
      const context = await contextFor(browser, looks[0]!)
      const { page } = await openPage(context, new URL(server.url).origin)
      await page.goto(server.url)
      const theme = () => page.evaluate(() => document.documentElement.dataset['theme'])
      expect(await theme()).toBe('light')
      await page.click('button[aria-label^="Theme: as the system"]')
      await page.click('button[aria-label^="Theme: light"]')
      expect(await theme()).toBe('dark')
      await page.goto(`${server.url}topics`, { waitUntil: 'commit' })
      await page.waitForFunction(() => document.documentElement.dataset['theme'] !== undefined)
      expect(await theme()).toBe('dark')
      await page.goto(`${server.url}embed/d/host?theme=light`)
      expect(await theme()).toBe('light')
      await context.close()
    },
    timeoutMs,
  )

  test(
    'shows what a failure says, where it happened',
    async () => {
      const context = await contextFor(browser, looks[0]!)
      const { page } = await openPage(context, new URL(server.url).origin)
      await page.goto(`${server.url}topics`)
      await page.waitForSelector('.table tbody tr')
      await page.click('text=New topic')
      await page.fill('dialog input', 'refused')
      await page.click('text=Create topic')
      await page.waitForSelector('text=topic "refused" exists already')
      await page.goto(`${server.url}topics/nothing`)
      await page.waitForSelector('text=topic "nothing" does not exist')
      await context.close()
    },
    timeoutMs,
  )

  test(
    'opens the record that a link names',
    async () => {
      const context = await contextFor(browser, looks[0]!)
      const { page, faults } = await openPage(context, new URL(server.url).origin)
      await page.goto(`${server.url}topics/orders?row=2:17`)
      await page.waitForSelector('dialog.drawer:has-text("Record 17") .json')
      await page.keyboard.press('Escape')
      await page.waitForFunction(() => !location.search.includes('row='))
      await page.click('.messages tbody tr:first-child button')
      await page.waitForFunction(() => location.search.includes('row='))
      await context.close()
      expect(faults).toEqual([])
    },
    timeoutMs,
  )

  test(
    'with a text too faint to read would be found',
    async () => {
      const context = await contextFor(browser, looks[0]!)
      const { page } = await openPage(context, new URL(server.url).origin)
      await page.goto(`${server.url}dashboards`)
      await page.waitForSelector('.dashboard-card strong')
      await page.evaluate(() => {
        document.querySelector<HTMLElement>('.dashboard-card strong')!.style.color = '#aab'
      })
      expect(await page.evaluate(unreadableTexts)).toHaveLength(1)
      await context.close()
    },
    timeoutMs,
  )

  test(
    'zooms a chart by dragging and lets it go again',
    async () => {
      const context = await contextFor(browser, looks[0]!)
      const { page, faults } = await openPage(context, new URL(server.url).origin)
      await page.goto(`${server.url}dashboards/host`)
      const plot = page.locator('figure[aria-label^=Network] .u-over')
      await plot.waitFor()
      const box = (await plot.boundingBox())!
      await page.mouse.move(box.x + box.width * 0.4, box.y + 40)
      await page.mouse.down()
      await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 4 })
      await page.mouse.up()
      await page.click('text=Reset zoom')
      await page.waitForSelector('text=Reset zoom', { state: 'detached' })
      await context.close()
      expect(faults).toEqual([])
    },
    timeoutMs,
  )

  test(
    'never runs what a record holds',
    async () => {
      const context = await contextFor(browser, looks[0]!)
      const { page, faults } = await openPage(context, new URL(server.url).origin)
      await page.goto(`${server.url}topics/orders?from=oldest`)
      await page.waitForSelector('.messages tbody tr')
      expect(await page.textContent('.messages')).toContain('<img src=x onerror=alert(1)>')
      expect(await page.locator('.messages img').count()).toBe(0)
      await context.close()
      expect(faults).toEqual([])
    },
    timeoutMs,
  )
})

test('the first load is within its budget', () => {
  const gzip = files.filter((file) => file.firstLoad).reduce((sum, file) => sum + file.gzipBytes, 0)
  expect(gzip).toBeLessThanOrEqual(firstLoadGzipBytesMax)
  expect(files.every((file) => file.firstLoad || !file.path.endsWith('index.html'))).toBe(true)
})
