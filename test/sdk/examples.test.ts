// The examples are what people copy: they must load, be sound, and stay short.
import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dashboardsOf } from '#dashboards'
import { type App, describe, isApp } from '#streams'

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
    expect(describe(app).nodes.length).toBeGreaterThan(3)
    expect(dashboardsOf(app).flatMap(({ widgets }) => widgets).length).toBeGreaterThan(2)
  })
}

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
