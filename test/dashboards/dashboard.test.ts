import { describe, expect, test } from 'bun:test'
import type { BrokerError } from '../../src/base/index.ts'
import { area, bar, dashboard, dashboardsOf, line, stat, table } from '../../src/dashboards/index.ts'
import { agg, app, s, topic, window } from '../../src/streams/index.ts'

const Order = s.object({ region: s.string(), amount: s.number(), at: s.timestamp() })
const orders = topic('orders', { value: Order, key: 'region', time: { at: (order) => order.at } })
const perMinute = () =>
  orders
    .stream()
    .keyBy('region')
    .window('per-minute', window.tumbling('1m', { grace: '5s' }))
    .aggregate({ n: agg.count(), total: agg.sum('amount') })
    .emit('on-close')

function failure(action: () => unknown): BrokerError {
  try {
    action()
  } catch (thrown) {
    return thrown as BrokerError
  }
  throw new Error('nothing was thrown')
}

describe('a dashboard in an app file', () => {
  test('becomes specs with ids of app and widget, over the topic or the history of the stream', () => {
    const result = perMinute()
    const board = dashboard('shop', { title: 'Shop' }, [
      stat('orders', result, { y: 'n', reduce: 'sum', title: 'Orders' }),
      line('revenue', result.out, { y: 'total', by: 'key', span: '15m', unit: '€', unitPosition: 'prefix' }),
      table('raw', orders, { columns: ['region', { field: 'amount', decimals: 2 }], sortBy: 'amount' }),
    ])
    const shop = app({ id: 'sales' }).use(board)
    const history = '_pspf.widgets.shop.orders'
    expect(dashboardsOf(shop)).toEqual([
      {
        id: 'shop',
        title: 'Shop',
        app: 'sales',
        widgets: [
          { id: 'sales.orders', kind: 'stat', title: 'Orders', topic: history, y: 'n', reduce: 'sum' },
          {
            id: 'sales.revenue',
            kind: 'line',
            title: 'revenue',
            topic: history,
            y: 'total',
            by: 'key',
            spanMs: 900_000,
            unit: '€',
            unitPosition: 'prefix',
          },
          {
            id: 'sales.raw',
            kind: 'table',
            title: 'raw',
            topic: 'orders',
            columns: [{ field: 'region' }, { field: 'amount', decimals: 2 }],
            sortBy: 'amount',
            sortDescending: true,
          },
        ],
      },
    ])
  })

  test('brings its streams into the app, once each, written to one history', () => {
    const result = perMinute()
    const board = dashboard('shop', {}, [
      stat('a', result, { y: 'n' }),
      bar('b', result.out, { y: 'total' }),
      table('raw', orders),
    ])
    const sinks = result.out.node.children.filter(({ kind }) => kind === 'sink')
    expect(new Set(board.streams())).toEqual(new Set([result.out as never]))
    expect(sinks).toHaveLength(1)
  })

  test('may name only fields that the rows have', () => {
    const result = perMinute()
    const widgets = () => [
      line('ok', result, { y: ['n', 'total'], x: 'window.start', by: 'key' }),
      // @ts-expect-error `totl` is no field of the row
      line('typo', result, { y: 'totl' }),
      // @ts-expect-error `region` is a text, and lines need numbers
      area('text', orders, { y: 'region' }),
      // @ts-expect-error `window.begin` is no field of the row
      table('column', result, { columns: ['window.begin'] }),
      stat('text', orders, { y: 'region' }),
      line('anything', topic('untyped'), { y: 'what.ever' }),
      line('unknown', topic<{ data: unknown; n: number }>('open'), { y: 'data.deep.er' }),
    ]
    expect(widgets()).toHaveLength(7)
  })
})

describe('a dashboard is refused with the option and what it must be', () => {
  const cases: [string, () => unknown, RegExp][] = [
    [
      'a widget twice',
      () => [stat('a', orders, { y: 'amount' }), stat('a', orders, { y: 'amount' })],
      /widget "a"/,
    ],
    ['NaN as a bound', () => [line('a', orders, { y: 'amount', min: Number.NaN })], /min: NaN/],
    ['infinity as a bound', () => [line('a', orders, { y: 'amount', max: 1 / 0 })], /max: Infinity/],
    [
      'a bound above the other',
      () => [line('a', orders, { y: 'amount', min: 5, max: 0 })],
      /min 5 and max 0/,
    ],
    ['an unknown option', () => [line('a', orders, { y: 'amount', colour: 'red' } as never)], /"colour"/],
    [
      'an option of another kind',
      () => [stat('a', orders, { y: 'amount', stacked: true } as never)],
      /"stacked"/,
    ],
    ['no field', () => [line('a', orders, {} as never)], /has no y/],
    ['no points at all', () => [line('a', orders, { y: 'amount', pointsMax: 0 })], /pointsMax: 0/],
    ['too many points', () => [line('a', orders, { y: 'amount', pointsMax: 1e9 })], /pointsMax/],
    ['a limit of half a row', () => [table('a', orders, { limit: 0.5 })], /limit: 0\.5/],
    [
      'an unknown tone',
      () => [bar('a', orders, { y: 'amount', thresholds: [{ at: 1, tone: 'red' as never }] })],
      /tone/,
    ],
    ['a name that is no part of an address', () => [stat('a/b', orders, { y: 'amount' })], /widget name/],
    ['markup as a name', () => [stat('<img src=x>', orders, { y: 'amount' })], /widget name/],
    ['no source', () => [stat('a', undefined as never, { y: 'amount' } as never)], /no source/],
    ['no widgets', () => [], /no list of widgets/],
    ['an empty title', () => [stat('a', orders, { y: 'amount', title: ' ' })], /title/],
    ['a column without a field', () => [table('a', orders, { columns: [{ label: 'x' } as never] })], /field/],
  ]
  for (const [name, widgets, words] of cases) {
    test(name, () => {
      const error = failure(() => dashboard('board', {}, widgets() as never))
      expect(error.name).toBe('BrokerError')
      expect(error.message).toMatch(words)
      expect(error.fix).toBeString()
    })
  }

  test('a widget name twice in one app, in different dashboards', () => {
    const board = (id: string) => dashboard(id, {}, [stat('a', orders, { y: 'amount' })])
    expect(failure(() => dashboardsOf(app({ id: 'x' }).use(board('one'), board('two')))).code).toBe(
      'already_exists',
    )
    expect(failure(() => dashboardsOf(app({ id: 'x' }).use(board('one'), board('one')))).code).toBe(
      'already_exists',
    )
  })

  test('an unknown option of the dashboard', () => {
    expect(
      failure(() => dashboard('board', { theme: 'dark' } as never, [stat('a', orders, { y: 'amount' })]))
        .message,
    ).toMatch(/"theme"/)
  })
})

test('N13: zero is a value like any other, as a bound, a threshold and a number of decimals', () => {
  const board = dashboard('board', {}, [
    line('a', orders, { y: 'amount', min: 0, max: 10, decimals: 0, thresholds: [{ at: 0, tone: 'good' }] }),
    line('b', orders, { y: 'amount', min: -10, max: 0 }),
  ])
  expect(board.widgets[0]).toMatchObject({
    min: 0,
    max: 10,
    decimals: 0,
    thresholds: [{ at: 0, tone: 'good' }],
  })
  expect(board.widgets[1]).toMatchObject({ min: -10, max: 0 })
})
