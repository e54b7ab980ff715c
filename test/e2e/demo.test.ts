// The demo in a real browser: moving values, history after a restart, nothing from another origin.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import type { AppStatus, DashboardSpec, WidgetData } from '../../src/http/contract.ts'
import { launchChromium } from '../ui/browser.ts'
import { eventually, type Node, Sandbox } from './binary.ts'
import { watch } from './browser.ts'

const artifacts = join(import.meta.dir, '..', '..', 'test-artifacts')
let sandbox: Sandbox
let node: Node
let browser: Browser

beforeAll(async () => {
  mkdirSync(artifacts, { recursive: true })
  sandbox = new Sandbox()
  node = await sandbox.serve(['--demo'])
  browser = await launchChromium()
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await sandbox?.remove()
})

type History = { epoch: string; seq: number; data: WidgetData }
const history = (id: string) => node.get<History>(`/api/v1/widgets/${encodeURIComponent(id)}/history`)

/** The numbers that widgets of one kind show, as text. */
const valuesOn = (page: Page) => page.locator('[data-widget]').allInnerTexts()

describe('the demo', () => {
  test('two apps run with at least fifteen widgets, and every widget has data', async () => {
    const apps = await eventually(
      () => node.get<AppStatus[]>('/api/v1/apps'),
      (list) => list.length === 2 && list.every(({ state }) => state === 'running'),
    )
    expect(apps.map(({ id }) => id).sort()).toEqual(['flights', 'host'])
    const dashboards = await node.get<DashboardSpec[]>('/api/v1/dashboards')
    const widgets = dashboards.flatMap((dashboard) => dashboard.widgets)
    expect(widgets.length).toBeGreaterThanOrEqual(15)
    for (const widget of widgets) {
      await eventually(
        () => history(widget.id),
        ({ seq, data }) => seq > 0 && JSON.stringify(data).length > 60,
        60_000,
      )
    }
  }, 120_000)

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`each dashboard shows moving values (${colorScheme})`, async () => {
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme })
      const misdeeds = watch(page, node.url)
      for (const dashboard of await node.get<DashboardSpec[]>('/api/v1/dashboards')) {
        await page.goto(`${node.url}/dashboards/${dashboard.id}`)
        await page.locator('[data-widget]').first().waitFor()
        expect(await page.locator('[data-widget]').count()).toBe(dashboard.widgets.length)
        await page.locator('canvas').first().waitFor()
        const before = (await valuesOn(page)).join('|')
        await eventually(
          async () => (await valuesOn(page)).join('|'),
          (now) => now !== before,
        )
        await page.screenshot({ path: join(artifacts, `demo-${dashboard.id}-${colorScheme}.png`) })
      }
      for (const path of ['/', '/topics', '/apps']) {
        await page.goto(node.url + path)
        await page.locator('h1').first().waitFor()
        await page.screenshot({
          path: join(artifacts, `demo-${path.slice(1) || 'overview'}-${colorScheme}.png`),
        })
      }
      expect(misdeeds).toEqual({ offOrigin: [], consoleErrors: [] })
      await page.close()
    }, 120_000)
  }

  test('after kill -9 and a restart the page reconnects by itself and history is still there', async () => {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    const misdeeds = watch(page, node.url)
    const dashboards = await node.get<DashboardSpec[]>('/api/v1/dashboards')
    const line = dashboards
      .flatMap(({ widgets }) => widgets)
      .find(({ kind }) => kind === 'line' || kind === 'area')!
    const pointsOf = ({ data }: History) =>
      data.kind === 'series' ? data.series.flatMap(({ name, x }) => x.map((at) => `${name}@${at}`)) : []
    const before = await eventually(
      () => history(line.id),
      (answer) => pointsOf(answer).length >= 3,
      60_000,
    )
    await page.goto(`${node.url}/dashboards/${dashboards[0]!.id}`)
    await page.locator('[data-live="live"]').first().waitFor()

    await node.kill()
    await page.locator('[data-live="reconnecting"], [data-live="stale"]').first().waitFor()
    node = await sandbox.serve(['--demo'], { port: node.port })
    await page.locator('[data-live="live"]').first().waitFor({ timeout: 30_000 })
    const after = await eventually(
      () => history(line.id),
      (answer) => pointsOf(answer).length > 0,
    )
    expect(after.epoch).toBe(before.epoch)
    expect(after.seq).toBeGreaterThanOrEqual(before.seq)
    const kept = new Set(pointsOf(after))
    expect(pointsOf(before).filter((point) => !kept.has(point)).length).toBeLessThanOrEqual(
      Math.max(0, pointsOf(after).length - 500),
    )
    const shown = (await valuesOn(page)).join('|')
    await eventually(
      async () => (await valuesOn(page)).join('|'),
      (now) => now !== shown,
    )
    expect(misdeeds).toEqual({ offOrigin: [], consoleErrors: [] })
    await page.close()
  }, 120_000)

  test('the API page renders offline under the strict policy', async () => {
    const page = await browser.newPage()
    const misdeeds = watch(page, node.url)
    await page.goto(`${node.url}/swagger`)
    await page.getByText('/api/v1/topics').first().waitFor()
    expect(misdeeds).toEqual({ offOrigin: [], consoleErrors: [] })
    await page.close()
  }, 60_000)
})
