// Revenue per region and minute, from a made-up shop: as a topic, and as a live chart.
import { agg, app, area, bar, dashboard, s, source, stat, topic, window } from 'pspf'

const orders = topic('shop-orders', {
  value: s.object({ id: s.string(), region: s.string(), amount: s.number(), at: s.timestamp() }),
  time: { at: (order) => order.at, outOfOrder: '5s' },
})

// Instead of your shop: a few orders a second. Take it out, and POST /api/v1/topics/shop-orders/records.
const regions = ['north', 'south', 'east', 'west']
const shop = source('shop', {
  to: orders,
  every: '250ms',
  read: ({ now }) =>
    Array.from({ length: Math.ceil(Math.random() * 4) }, () => ({
      id: crypto.randomUUID(),
      region: regions[Math.floor(Math.random() ** 2 * regions.length)]!,
      amount: Math.round(1_000 + Math.random() * 9_000) / 100,
      at: now - Math.floor(Math.random() * 3_000), // the network takes up to three seconds
    })),
})

// A sender that repeats itself after a time-out is counted once.
const once = orders.stream().keyBy('id').dedupe('once', { ttl: '10m' })

const revenue = once.out
  .keyBy('region')
  .window('revenue-per-minute', window.tumbling('1m', { grace: '10s' }))
  .aggregate({ orders: agg.count(), total: agg.sum('amount'), median: agg.quantile('amount', 0.5) })
  .emit('on-update')

revenue.out.to('revenue-per-minute')
revenue.late.to('revenue-late') // orders for a minute that was closed already

const board = dashboard('shop-revenue', { title: 'Revenue per region' }, [
  stat('now', revenue, { title: 'This minute', y: 'total', reduce: 'sum', decimals: 2, width: 4 }),
  bar('by-region', revenue, { title: 'By region, this minute', y: 'total', width: 8 }),
  area('per-minute', revenue, { title: 'Per minute', y: 'total', x: 'window.start', by: 'key', width: 12 }),
])

export const revenueApp = app({ id: 'revenue' }).use(shop, revenue, board)
