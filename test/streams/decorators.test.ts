// Process handlers as classes: what decorators declare is the node that `process` makes.
import { expect, test } from 'bun:test'
import { app } from '../../src/streams/app.ts'
import { type Ctx, on, stream, timer } from '../../src/streams/decorators.ts'
import { describe as describeApp } from '../../src/streams/describe.ts'
import {
  type ListState,
  type MapState,
  type SetState,
  state,
  type ValueState,
} from '../../src/streams/keyed-state.ts'
import { type Harness, harness } from '../../src/streams/testing/index.ts'
import { topic } from '../../src/streams/topic.ts'

type Row = { key: string; n: number; at: number }
type Said = { key: string; said: unknown }
const rows = topic<Row>('rows', { time: { at: (row) => row.at } })
const told: string[] = []

@stream('watch', { from: rows, key: 'key', to: 'said', side: { big: 'big' } })
class Watch {
  @state.value(0, { ttl: '1h' }) accessor total!: ValueState<number>
  @state.list({ max: 2 }) accessor latest!: ListState<number>
  @state.map() accessor per!: MapState<string, number>
  @state.set() accessor seen!: SetState<number>

  @on.event() handle(row: Row, ctx: Ctx<Said>) {
    const total = this.total.update((sum) => sum + row.n)
    this.latest.append(row.n)
    this.per.update(row.n > 5 ? 'large' : 'small', (count = 0) => count + 1)
    this.seen.add(row.n)
    if (row.n < 0) throw new RangeError(`negative ${row.n}`)
    if (row.n > 5) ctx.emit('big', row)
    ctx.timers.event('quiet', '10ms')
    ctx.emit({ key: ctx.key, said: [total, this.latest.get(), this.per.entries(), this.seen.values()] })
  }
  @timer('quiet') whenQuiet(ctx: Ctx<Said>) {
    ctx.emit({ key: ctx.key, said: this.total.get() })
    this.total.clear()
  }
  @on.late() behind(row: Row, ctx: Ctx<Said>) {
    ctx.emit({ key: ctx.key, said: `late ${row.n}` })
  }
  @on.error('skip') failed(error: Error) {
    told.push(error.message)
    this.total.set(1_000)
  }
}
const send = (t: Harness, key: string, n: number, at: number) => t.send(rows, { key, n, at })

test('methods handle rows, late rows, timers and failures; accessors are the state of the key at work', async () => {
  const t = await harness(app({ id: 'watching' }).use(Watch))
  send(t, 'a', 1, 0)
  send(t, 'b', 7, 1)
  send(t, 'a', -2, 2)
  await t.settle()
  await t.crashAt('store-applied')
  await t.restart()
  send(t, 'a', 3, 3)
  send(t, 'b', 9, 2)
  t.watermark(rows, 20)
  expect(await t.take(topic<Said>('said'))).toEqual([
    { key: 'a', said: [1, [1], [['small', 1]], [1]] },
    { key: 'b', said: [7, [7], [['large', 1]], [7]] },
    { key: 'a', said: [4, [1, 3], [['small', 2]], [1, 3]] },
    { key: 'b', said: 'late 9' },
    { key: 'b', said: 7 },
    { key: 'a', said: 4 },
  ])
  expect(await t.take(topic<Row>('big'))).toEqual([{ key: 'b', n: 7, at: 1 }])
  expect(told).toEqual(['negative -2'])
})

test('the graph is that of process, and what a class emits can be taken further', async () => {
  const counted = stream<Said>(Watch).out.count('counted')
  const { nodes } = describeApp(app({ id: 'watching' }).use(Watch, counted))
  expect(nodes.find(({ id }) => id === 'watch')).toEqual({
    id: 'watch',
    kind: 'process',
    label: 'keeps total (value), latest (list), per (map), seen (set); timers quiet',
    stateful: true,
  })
  const t = await harness(app({ id: 'watching' }).use(Watch, counted))
  send(t, 'a', 1, 0)
  expect(await t.take(counted)).toMatchObject([{ key: 'a', count: 1 }])
})

test('refused: a class that is no stream or has no method for rows; state outside of a row, or assigned to', async () => {
  class Plain {}
  expect(() => app({ id: 'a' }).use(Plain)).toThrow('class Plain handles no stream')
  expect(() => {
    @stream('empty', { from: rows, key: 'key' })
    class Empty {}
    return Empty
  }).toThrow('class Empty has no method for rows')
  expect(() => new Watch().total.get()).toThrow('state is there while a row or a timer is at work')
  expect(() => {
    new Watch().total = undefined as never
  }).toThrow('use this.total.set')
})

// Never called: only compiled.
export function doesNotCompile() {
  return class {
    // @ts-expect-error: the state holds numbers
    @state.value(0) accessor total!: ValueState<string>
    // @ts-expect-error: a list is no map
    @state.list<number>({ max: 1 }) accessor list!: MapState<string, number>
  }
}
