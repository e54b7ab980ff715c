// Orders come in, revenue per region and minute comes out: as a topic, and as a live chart.
import { agg, app, area, bar, dashboard, s, stat, topic, window } from 'pspf'

const orders = topic('orders', {
  value: s.object({ region: s.string(), amount: s.number() }),
  time: { outOfOrder: '5s' },
})

const revenue = orders
  .stream()
  .filter((order) => order.amount > 0)
  .keyBy('region')
  .window('revenue-per-minute', window.tumbling('1m', { grace: '10s' }))
  .aggregate({ orders: agg.count(), total: agg.sum('amount'), largest: agg.max('amount') })
  .emit('on-update')

revenue.out.to('revenue')

const board = dashboard('revenue', { title: 'Revenue' }, [
  stat('now', revenue, { title: 'Revenue, latest minute', y: 'total', reduce: 'sum', width: 4 }),
  bar('by-region', revenue, { title: 'By region, latest minute', y: 'total', width: 8 }),
  area('per-minute', revenue, { title: 'Per minute', y: 'total', x: 'window.start', by: 'key', width: 12 }),
])

export const quickstart = app({ id: 'quickstart' }).use(revenue, board)
