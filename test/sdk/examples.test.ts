// The examples are what people copy: they must load, be sound, and stay short.
import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Duration } from '#base'
import { dashboardsOf } from '#dashboards'
import { type App, describe as describeApp, isApp, topic } from '#streams'
import { harness } from '../../src/streams/testing/index.ts'

const directory = join(import.meta.dir, '../../examples')
const names = readdirSync(directory).filter((name) => name.endsWith('.ts'))
const textOf = (name: string) => readFileSync(join(directory, name), 'utf8')

async function appOf(name: string): Promise<App> {
  const exported = Object.values((await import(join(directory, name))) as Record<string, unknown>)
  expect(exported.length).toBe(1)
  if (!isApp(exported[0])) throw new Error(`${name} exports something else`)
  return exported[0]
}

for (const name of names) {
  test(`${name} is one sound app that shows something, in less than 120 lines, and says what it is`, async () => {
    const text = textOf(name)
    expect(text.split('\n').length).toBeLessThan(121)
    expect(text).toStartWith('// ')
    const imports = [...text.matchAll(/ from '([^']+)'/g)].map((match) => match[1]!)
    expect(imports.filter((specifier) => specifier !== 'pspf' && !specifier.startsWith('node:'))).toEqual([])
    const app = await appOf(name)
    expect(describeApp(app).nodes.length).toBeGreaterThan(3)
    expect(dashboardsOf(app).flatMap(({ widgets }) => widgets).length).toBeGreaterThan(2)
  })
}

/** Rows that an example has written after that much time. */
async function played(name: string, time: Duration) {
  const t = await harness(await appOf(`${name}.ts`), { now: 1_700_000_000_000 })
  await t.advanceWallClock(time)
  return <V>(of: string) => t.take(topic<V>(of))
}

describe('after some minutes', () => {
  test('revenue counts each minute per region, as it grows', async () => {
    const rows = await (await played('revenue', '2m'))<{ key: string; total: number; orders: number }>(
      'revenue-per-minute',
    )
    expect([...new Set(rows.map(({ key }) => key))].sort()).toEqual(['east', 'north', 'south', 'west'])
    expect(rows.every(({ total, orders }) => total >= orders * 10)).toBe(true)
  })

  test('sessions come to visits, with the pages in their order', async () => {
    const visits = await (await played('sessions', '4m'))<{ clicks: number; path: string; seconds: number }>(
      'visits',
    )
    expect(visits.length).toBeGreaterThan(20)
    expect(visits.every(({ clicks, path }) => path.split(' > ').length === Math.min(10, clicks))).toBe(true)
  })

  test('alarms are raised when a sensor falls silent or stays hot, and end; never twice in a row', async () => {
    type Alarm = { sensor: string; alarm: string; on: boolean }
    const rows = await (await played('alarms', '10m'))<Alarm>('alarms')
    const silent = rows.filter(({ alarm }) => alarm === 'silent')
    expect([...new Set(silent.map(({ sensor }) => sensor))]).toEqual(['sensor-8'])
    expect(silent.length).toBeGreaterThan(15)
    const open = new Map<string, boolean>()
    for (const { sensor, alarm, on } of rows) {
      expect(open.get(sensor + alarm) ?? false).toBe(!on)
      open.set(sensor + alarm, on)
    }
  })

  test('dead letters are those that are wrong, and everything else is counted', async () => {
    const take = await played('dead-letters', '2m')
    const dead = await take<{ kwh: unknown; at: number }>('meter-lines.dead')
    expect(dead.length).toBeGreaterThan(10)
    expect(dead.some(({ kwh }) => kwh === 'n/a') && dead.some(({ kwh }) => Number(kwh) < 0)).toBe(true)
    const usage = await take<{ lines: number; kwh: number }>('usage')
    expect(usage.every(({ kwh }) => kwh >= 0)).toBe(true)
  })
})

test('the demo has at least fifteen widgets, and every kind', async () => {
  const widgets = (await Promise.all(['host.ts', 'flights.ts'].map(appOf))).flatMap((app) =>
    dashboardsOf(app).flatMap((dashboard) => dashboard.widgets),
  )
  expect(widgets.length).toBeGreaterThanOrEqual(15)
  expect([...new Set(widgets.map(({ kind }) => kind))].sort()).toEqual([
    'area',
    'bar',
    'line',
    'stat',
    'table',
  ])
})
