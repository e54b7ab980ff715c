// Which nodes of a new version keep their state, which begin, which do not fit.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { agg } from '../../../src/streams/aggregator.ts'
import { type AppPart, app } from '../../../src/streams/app.ts'
import type { Layout } from '../../../src/streams/change/layout.ts'
import { type Rebuild, type Settlement, settle } from '../../../src/streams/change/settle.ts'
import { topic } from '../../../src/streams/topic.ts'
import { window } from '../../../src/streams/window.ts'

type Row = { key: string; other: string; n: number; at: number }
const rows = topic<Row>('rows', { time: { at: (row) => row.at } })
const wide = topic<Row>('wide', { partitions: 3, time: { at: (row) => row.at } })
const other = topic<Row>('other', { time: { at: (row) => row.at } })

const per = (name: string, size: '1m' | '5m' = '1m', from = rows) =>
  from
    .stream()
    .keyBy('key')
    .window(name, window.tumbling(size, { grace: '0s' }))
    .aggregate({ n: agg.count() })
    .emit('on-close')
const count = (name: string, from = rows) => from.stream().keyBy('key').count(name)

const first = (...parts: AppPart[]) => settle(app({ id: 'a' }).use(...parts), { layout: null })
const then = (layout: Layout, rebuild: Rebuild | undefined, ...parts: AppPart[]) =>
  settle(app({ id: 'a' }).use(...parts), { layout, rebuild })
const told = ({ nodes }: Settlement) => Object.fromEntries(nodes.map(({ name, what }) => [name, what]))
const tasks = ({ plan }: Settlement) => plan.subtopologies.map(({ name }) => name)

test('an app that has not run yet begins together', () => {
  const settled = first(per('w'), count('c'))
  expect(tasks(settled)).toEqual(['rows'])
  expect(told(settled)).toEqual({ w: 'added', c: 'added' })
})

test('the same app keeps everything', () => {
  const { layout } = first(per('w'), count('c', wide))
  const again = then(layout, undefined, per('w'), count('c', wide))
  expect(told(again)).toEqual({ w: 'kept', c: 'kept' })
  expect(again.layout).toEqual(layout)
})

test('a node that was not there begins in a task of its own', () => {
  const before = first(per('w'))
  const after = then(before.layout, undefined, per('w'), count('c'))
  expect(tasks(after)).toEqual(['rows', 'rows.g2'])
  expect(told(after)).toEqual({ w: 'kept', c: 'added' })
  expect([...after.begins]).toEqual(['c'])
  expect(after.plan.subtopologies.map(({ group, changelog }) => `${group} ${changelog}`)).toEqual([
    'a a.rows.changelog',
    'a.g2 a.rows.g2.changelog',
  ])
  expect(told(then(after.layout, undefined, per('w'), count('c')))).toEqual({ w: 'kept', c: 'kept' })
})

test('a node behind a repartition takes the way there along', () => {
  const before = first(per('w', '1m', wide))
  expect(tasks(before)).toEqual(['wide', 'w.repartition'])
  const after = then(before.layout, undefined, per('w', '1m', wide), count('c', wide))
  expect(tasks(after)).toEqual(['wide', 'wide.g2', 'w.repartition', 'c.repartition.g2'])
})

test('a repartition loses what was read, so whoever comes later has one of his own', () => {
  const spread = wide.stream().keyBy('key').repartition('spread', { partitions: 2 })
  const before = first(spread.count('c'))
  const after = then(before.layout, undefined, spread.count('c'), spread.count('d'))
  expect(after.plan.subtopologies.map(({ inputs }) => inputs[0]!.topic)).toEqual([
    'wide',
    'wide',
    'a.spread.repartition',
    'a.spread.g2.repartition',
  ])
})

test('what hangs below state that is kept begins with what comes', () => {
  const before = first(per('w'))
  const w = per('w')
  const after = then(before.layout, undefined, w, w.out.keyBy('key').count('closed'))
  expect(tasks(after)).toEqual(['rows'])
  expect(told(after)).toEqual({ w: 'kept', closed: 'added' })
  expect([...after.begins]).toEqual(['closed'])
})

test('rows that are written for the first time are written from the beginning', () => {
  const before = first(count('c'))
  const copy = rows
    .stream()
    .filter(({ n }) => n > 1)
    .to('copy')
  const after = then(before.layout, undefined, count('c'), copy)
  expect(tasks(after)).toEqual(['rows', 'rows.g2'])
  expect(after.outputs).toEqual([{ topic: 'copy', what: 'added' }])
})

describe('another window under the same name', () => {
  const { layout } = first(per('w'), count('c'))

  test('does not fit, and says why', () => {
    const after = then(layout, undefined, per('w', '5m'), count('c'))
    expect(after.nodes[0]).toMatchObject({
      name: 'w',
      what: 'refused',
      why: 'its windows were tumbling 1m and are now tumbling 5m',
      before: 'tumbling 1m, grace 0ms, on-close: n = count',
    })
  })

  test('is computed anew where that is asked for, and asked once it is done once', () => {
    const wish: Rebuild = { names: ['w'], after: 1 }
    const after = then(layout, wish, per('w', '5m'), count('c'))
    expect(told(after)).toEqual({ w: 'rebuilt', c: 'kept' })
    expect(tasks(after)).toEqual(['rows', 'rows.g2'])
    expect(told(then(after.layout, wish, per('w', '5m'), count('c')))).toEqual({ w: 'kept', c: 'kept' })
  })

  test('put back, is computed anew', () => {
    const changed = then(layout, { names: ['w'], after: 1 }, per('w', '5m'), count('c'))
    const back = then(changed.layout, { names: [], after: 2, misfits: true }, per('w'), count('c'))
    expect(told(back)).toEqual({ w: 'rebuilt', c: 'kept' })
    expect(tasks(back)).toEqual(['rows', 'rows.g3'])
  })
})

test('a node that the app no longer has is orphaned; when it comes back, it is computed anew', () => {
  const before = first(per('w'), count('c'))
  const without = then(before.layout, undefined, count('c'))
  expect(told(without)).toEqual({ c: 'kept', w: 'orphaned' })
  const back = then(without.layout, undefined, per('w'), count('c'))
  expect(told(back)).toEqual({ w: 'rebuilt', c: 'kept' })
  expect([...back.begins]).toEqual(['w'])
})

test('a higher version is computed anew, a lower one is refused', () => {
  const at = (version: number) => rows.stream().keyBy('key').aggregate('c', { n: agg.count() }, { version })
  const { layout } = first(at(2))
  expect(told(then(layout, undefined, at(2)))).toEqual({ c: 'kept' })
  expect(told(then(layout, undefined, at(3)))).toEqual({ c: 'rebuilt' })
  expect(then(layout, undefined, at(1)).nodes[0]).toMatchObject({
    what: 'refused',
    why: 'its version was 2 and is now 1',
  })
  expect(() => at(0)).toThrow('version 0 of "c"')
})

test('reset, everything begins anew, once, also where no layout was kept', () => {
  const { layout } = first(per('w'), count('c'))
  for (const before of [layout, null]) {
    const wish: Rebuild = { names: [], all: true, after: 1 }
    const after = settle(app({ id: 'a' }).use(per('w'), count('c')), { layout: before, rebuild: wish })
    expect(tasks(after)).toEqual(['rows.g2'])
    expect(told(then(after.layout, wish, per('w'), count('c')))).toEqual({ w: 'kept', c: 'kept' })
  }
})

test('whatever computes from rows that are computed anew is so, too, with a repartition of its own', () => {
  const build = (size: '1m' | '5m') => {
    const w = per('w', size, wide)
    return [
      w,
      w.out
        .map((row) => ({ all: 'all', n: row.n }))
        .keyBy('all')
        .aggregate('sum', { n: agg.sum('n') }),
    ]
  }
  const before = first(...build('1m'))
  const after = then(before.layout, { names: ['w'], after: 1 }, ...build('5m'))
  expect(told(after)).toEqual({ w: 'rebuilt', sum: 'rebuilt' })
  const topics = after.plan.subtopologies.flatMap(({ inputs }) => inputs.map((input) => input.topic))
  expect(topics.sort()).toEqual(['a.sum.g2.repartition', 'a.w.g2.repartition', 'wide'])
})

test('another key is another state, behind another repartition', () => {
  const by = (key: 'key' | 'other') => wide.stream().keyBy(key).count('c')
  const before = first(by('key'))
  expect(then(before.layout, undefined, by('other')).nodes.at(-1)).toMatchObject({
    what: 'refused',
    why: 'it was grouped by key and is now by other',
  })
  const after = then(before.layout, { names: ['c'], after: 1 }, by('other'))
  expect(after.plan.subtopologies.map(({ inputs }) => inputs[0]!.topic)).toEqual([
    'wide',
    'a.c.g2.repartition',
  ])
})

test('a node whose task now reads another topic as well does not fit; a join put beside it does', () => {
  const before = first(count('c'))
  const merged = rows.stream().merge(other.stream()).keyBy('key').count('c')
  expect(then(before.layout, undefined, merged).nodes[0]).toMatchObject({
    what: 'refused',
    why: 'its task was rows and is now other--rows',
  })
  const joined = rows
    .stream()
    .keyBy('key')
    .join('j', other.table(), { select: (row) => row.n })
  const after = then(before.layout, undefined, count('c'), joined)
  expect(tasks(after)).toEqual(['rows', 'other--rows.g2'])
  expect(told(after)).toEqual({ c: 'kept', j: 'added' })
})

test('state that was begun at different times is not put together', () => {
  const before = first(count('c'))
  const after = then(before.layout, undefined, count('c'), count('d'))
  const tied = count('c')
    .table()
    .join('t', count('d').table(), { select: (a, b) => [a.count, b.count] })
  expect(() => then(after.layout, undefined, tied)).toThrow('begun at different times')
})

test('after any row of changes, the same app again changes nothing, and no task is fed from two generations', () => {
  const pieces = [
    () => per('w'),
    () => per('w', '5m'),
    () => count('c'),
    () => count('c', wide),
    () => per('v', '1m', wide),
    () =>
      rows
        .stream()
        .filter(({ n }) => n > 0)
        .to('copy'),
    () =>
      rows
        .stream()
        .keyBy('key')
        .join('j', other.table(), { select: (row) => row.n }),
  ]
  const version = fc.uniqueArray(fc.nat(pieces.length - 1), { minLength: 1 }).map((chosen) =>
    // Of two pieces with one name, one.
    chosen.filter((piece) => !(piece === 1 && chosen.includes(0)) && !(piece === 3 && chosen.includes(2))),
  )
  fc.assert(
    fc.property(
      fc.array(
        version.filter(({ length }) => length > 0),
        { minLength: 1, maxLength: 6 },
      ),
      (versions) => {
        let layout: Layout | null = null
        for (const chosen of versions) {
          const build = () => app({ id: 'a' }).use(...chosen.map((piece) => pieces[piece]!()))
          const rebuild: Rebuild = { names: [], after: 0, misfits: true }
          const settled: Settlement = settle(build(), { layout, rebuild })
          expect(settled.nodes.filter(({ what }) => what === 'refused')).toEqual([])
          const again = settle(build(), { layout: settled.layout })
          expect(again.nodes.every(({ what }) => what === 'kept' || what === 'orphaned')).toBe(true)
          expect(again.layout).toEqual(settled.layout)
          const names = tasks(again)
          expect(new Set(names).size).toBe(names.length)
          for (const { nodes } of again.plan.subtopologies) {
            for (const node of nodes) for (const parent of node.parents) expect(nodes).toContain(parent)
          }
          layout = settled.layout
        }
      },
    ),
    { numRuns: 300 },
  )
})
