import { describe, expect, test } from 'bun:test'
import { asByteSize, asMillis } from '#base'
import type { DiskUse } from '#broker'
import type { Damage } from '#log'
import { type FactSources, NodeHealth } from '../../src/node/facts.ts'

type App = { id: string; state: string; error: { message: string } | null; restarts: number }

const app = (state: string, more: Partial<App> = {}): App => ({
  id: 'secret-name',
  state,
  error: null,
  restarts: 0,
  ...more,
})

const unlimited: DiskUse = { usedBytes: asByteSize(0), maxBytes: null, isFull: false, trimmed: null }
let use = unlimited
let damages: Damage[] = []
let isTrusted = true

function health(...apps: App[]) {
  return new NodeHealth({
    clock: { monotonic: () => 0 },
    disk: { space: () => ({ freeBytes: 2 ** 40, totalBytes: 2 ** 40 }) },
    log: { state: 'open', report: { quarantined: [] }, damages },
    broker: { topics: () => [], diskUse: () => use },
    apps: { list: () => apps },
    dataDirectory: '/data',
    version: '1',
    sockets: () => 0,
    throughput: () => ({}),
  } as unknown as FactSources).health({ withNames: isTrusted })
}
const appsCheck = (...apps: App[]) => health(...apps).checks.filter(({ name }) => name.startsWith('app'))

describe('the health of apps', () => {
  test('is one check, whatever their number', () => {
    expect(appsCheck()).toEqual([{ name: 'apps', status: 'pass', detail: 'no apps' }])
    expect(appsCheck(app('running'), app('running'))).toEqual([
      { name: 'apps', status: 'pass', detail: '2 of 2 apps run' },
    ])
    expect(appsCheck(app('running'), app('paused'), app('starting'))).toEqual([
      { name: 'apps', status: 'pass', detail: '1 of 3 apps run, 1 paused, 1 starting' },
    ])
  })

  test('names no app and no error, since it is told without a token', () => {
    const told = health(app('failed', { error: { message: 'password=hunter2' } }), app('running'))
    expect(told.status).toBe('degraded')
    expect(told.checks.at(-1)).toEqual({
      name: 'apps',
      status: 'warn',
      detail: '1 of 2 apps does not run: see /api/v1/apps',
    })
    expect(JSON.stringify(told)).not.toMatch(/secret-name|hunter2/)
  })

  test('does not count as running what starts again, waits, hangs or was stopped', () => {
    const error = { message: 'the app has not answered for 6s' }
    const ill = [
      app('starting', { restarts: 1 }),
      app('starting', { error }),
      app('backing-off', { error }),
      app('running', { error }),
      app('stopped'),
    ]
    const told = health(...ill, app('running', { restarts: 3 }))
    expect(told.checks.at(-1)?.detail).toBe('5 of 6 apps do not run: see /api/v1/apps')
    expect(told.apps).toEqual({ count: 6, running: 1, failed: 4 })
  })
})

describe('the health of the disk', () => {
  const told = (facts: Partial<DiskUse>) => {
    use = { ...unlimited, maxBytes: asByteSize(2 ** 30), usedBytes: asByteSize(2 ** 29), ...facts }
    const { status, checks } = health()
    use = unlimited
    return { status, detail: checks.find(({ name }) => name === 'disk')!.detail }
  }

  test('is well while the log stays below its most', () => {
    expect(told({}).status).toBe('ok')
  })

  test('says what was deleted before its time and why', () => {
    const trimmed = { at: asMillis(2), bytes: asByteSize(2 ** 20), appendedUpTo: asMillis(0) }
    expect(told({ trimmed })).toEqual({
      status: 'degraded',
      detail:
        '1048576 MB of 1048576 MB free; the log has 512 MB of the 1.0 GB of --disk-max: 1.0 MB, appended up to ' +
        '1970-01-01T00:00:00.000Z, were deleted before their time',
    })
  })

  test('says that records are refused', () => {
    expect(told({ isFull: true }).detail).toContain('nothing is left to trim: records are refused')
  })
})

test('damage of the log degrades the node, and the file is named', () => {
  damages = Array.from({ length: 7 }, (_, index) => {
    return {
      path: `/data/topics/orders-${index}/1.log`,
      position: 32_768,
      why: 'the checksum of a block does not match',
    }
  })
  const { status, checks } = health()
  damages = []
  expect(status).toBe('degraded')
  const { detail } = checks.find(({ name }) => name === 'recovery')!
  expect(detail).toContain('/data/topics/orders-0/1.log is damaged at byte 32768')
  expect(detail).toContain('; 2 more; the rest is served; see pspfctl log verify')
})

test('damage is told without names to whoever may not read', () => {
  damages = [{ path: '/data/topics/orders-0/1.log', position: 0, why: 'the file is missing' }]
  isTrusted = false
  const { status, checks } = health()
  damages = []
  isTrusted = true
  expect(status).toBe('degraded')
  const { detail } = checks.find(({ name }) => name === 'recovery')!
  expect(detail).toBe('1 place is damaged; the rest is served; see /api/v1/diagnostics')
  expect(JSON.stringify(checks)).not.toContain('/data')
})
