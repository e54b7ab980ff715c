// Types are part of the API: rows keep theirs from the schema to the sink, and what makes no sense does not compile.
import { expect, test } from 'bun:test'
import { agg } from '../../src/streams/aggregator.ts'
import { app } from '../../src/streams/app.ts'
import { state } from '../../src/streams/keyed-state.ts'
import { output } from '../../src/streams/process-handler.ts'
import { s } from '../../src/streams/schema/schema.ts'
import { source } from '../../src/streams/source.ts'
import type { Stream } from '../../src/streams/stream.ts'
import { topic } from '../../src/streams/topic.ts'
import { window } from '../../src/streams/window.ts'

const Order = s.object({
  region: s.string(),
  amount: s.number(),
  tip: s.optional(s.number()),
  paid: s.boolean(),
  at: s.timestamp(),
})
const orders = topic('orders', {
  value: Order,
  key: (order) => order.region,
  time: { at: (order) => order.at, outOfOrder: '5s' },
})

/** Compiles only if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(answer: Same<A, B>) => expect<boolean>(answer).toBe(true)
const rowsOf = <V>(stream: Stream<V>): V[] => [stream].filter(() => false) as never

test('rows keep their types through to the sink', () => {
  const perMinute = orders
    .stream()
    .filter((order) => order.amount > 0)
    .keyBy('region')
    .window('per-minute', window.tumbling('1m', { grace: '10s' }))
    .aggregate({
      n: agg.count(),
      total: agg.sum('amount'),
      tips: agg.sum('tip'),
      doubled: agg.max((order) => order.amount * 2),
      last: agg.last((order) => order.paid),
    })
    .emit('on-close')
  const rows = rowsOf(perMinute.out)
  type Row = (typeof rows)[number]
  same<
    Row,
    {
      key: string
      window: { readonly start: number; readonly end: number }
      revision: number
      final: boolean
      removed?: true
      n: number
      total: number
      tips: number
      doubled: number | null
      last: boolean | null
    }
  >(true)
  const late = rowsOf(perMinute.late)
  same<(typeof late)[number]['value']['amount'], number>(true)
  const counts = rowsOf(
    orders
      .stream()
      .keyBy((order) => order.at)
      .count('by-time'),
  )
  same<(typeof counts)[number], { key: number; revision: number; count: number }>(true)
  perMinute.out.to(topic<{ key: string; n: number }>('narrower'))
  perMinute.out.to(topic('anything'))
  expect(app({ id: 'typed' }).use(perMinute, perMinute.out, perMinute.late).parts.length).toBe(3)
})

test('a process handler knows its row, its state, its timers and its outputs', () => {
  const processed = orders
    .stream()
    .keyBy('region')
    .process('typed', {
      state: {
        n: state.value(0),
        last: state.list<{ paid: boolean }>({ max: 3 }),
        by: state.map<string, number>(),
      },
      out: output<{ total: number }>(),
      side: { names: output<string>() },
      on(order, ctx) {
        same<typeof order.amount, number>(true)
        same<typeof ctx.key, string>(true)
        same<ReturnType<typeof ctx.state.n.get>, number>(true)
        same<ReturnType<typeof ctx.state.by.get>, number | undefined>(true)
        ctx.timers.event('end', '1s')
        ctx.emit({ total: ctx.state.last.get().filter(({ paid }) => paid).length })
        ctx.emit('names', 'a')
      },
      timers: { end: (ctx) => ctx.emit({ total: ctx.state.n.get() }) },
    })
  const out = rowsOf(processed.out)
  same<(typeof out)[number], { total: number }>(true)
  const names = rowsOf(processed.side.names)
  same<(typeof names)[number], string>(true)
  const same2 = rowsOf(
    orders
      .stream()
      .keyBy('region')
      .process('same', { on: (one, ctx) => ctx.emit(one) }).out,
  )
  same<(typeof same2)[number]['region'], string>(true)
})

// Never called: only compiled.
export function doesNotCompile() {
  const stream = orders.stream()
  // @ts-expect-error: a window needs a key
  stream.window('w', window.tumbling('1m', { grace: '0s' }))
  // @ts-expect-error: an object is no key
  stream.keyBy((order) => order)
  // @ts-expect-error: no such field
  stream.keyBy('area')
  const keyed = stream.keyBy('region')
  // @ts-expect-error: a stateful node needs a name
  keyed.window(window.tumbling('1m', { grace: '0s' }))
  // @ts-expect-error: a stateful node needs a name
  keyed.aggregate({ n: agg.count() })
  // @ts-expect-error: a stateful node needs a name
  keyed.count()
  // @ts-expect-error: grace has no default
  window.tumbling('1m')
  // @ts-expect-error: not a duration
  window.tumbling('1 minute', { grace: '0s' })
  const windowed = keyed.window('w', window.tumbling('1m', { grace: '0s' }))
  keyed.process('p', {
    state: { last: state.value({ n: 1 }) },
    out: output<number>(),
    side: { names: output<string>() },
    on(_, ctx) {
      // @ts-expect-error: there is no such timer
      ctx.timers.event('never', 1)
      // @ts-expect-error: rows are numbers
      ctx.emit('1')
      // @ts-expect-error: there is no such output
      ctx.emit('other', '1')
      // @ts-expect-error: what is read is frozen
      ctx.state.last.get().n = 2
      // @ts-expect-error: there is no such state
      ctx.state.first.get()
    },
    timers: { end: () => undefined },
  })
  // @ts-expect-error: a list is bounded
  state.list<number>({})
  // @ts-expect-error: a handler does something
  keyed.process('p', {})
  // @ts-expect-error: a text cannot be summed
  windowed.aggregate({ total: agg.sum('region') })
  // @ts-expect-error: a text cannot be summed
  windowed.aggregate({ total: agg.sum((order) => order.region) })
  // @ts-expect-error: a policy must be chosen
  windowed.aggregate({ n: agg.count() }).emit()
  // @ts-expect-error: the topic wants other rows
  stream.to(topic<{ area: string }>('areas'))
  // @ts-expect-error: the source makes other rows
  source('s', { to: orders, every: '1s', read: () => [{ region: 1 }] })
  source('counted', {
    to: topic<number>('n'),
    start: 0,
    read: ({ cursor }) => ({ rows: [cursor], cursor: cursor + 1 }),
  })
}
