// Payments beside what is known of the customer: a stream joined with a table, and a score asked of a service.
import { agg, app, area, bar, dashboard, s, source, stat, table, topic, window } from 'pspf'

const payments = topic('card-payments', {
  value: s.object({ id: s.string(), customer: s.string(), amount: s.number(), at: s.timestamp() }),
  time: { at: (payment) => payment.at, outOfOrder: '2s' },
})
// The last record of each key counts; one without a value deletes it.
const customers = topic('customers', {
  value: s.object({ customer: s.string(), name: s.string(), country: s.string(), limit: s.number() }),
  key: 'customer',
})

// Instead of your systems: customers who change now and then, and payments of some that are not known.
const countries = ['Chile', 'Ghana', 'Japan', 'Norway']
const names = ['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Frances', 'Ken']
const registry = source('registry', {
  to: customers,
  every: '10s',
  read: () =>
    names.map((name, n) => ({
      customer: `c${n}`,
      name,
      country: countries[n % countries.length]!,
      limit: 100 * (1 + Math.floor(Math.random() * 5)),
    })),
})
const tills = source('tills', {
  to: payments,
  every: '500ms',
  read: ({ now }) => [
    {
      id: crypto.randomUUID(),
      customer: `c${Math.floor(Math.random() * (names.length + 1))}`, // one too many: nobody knows that one
      amount: Math.round(Math.random() * 40_000) / 100,
      at: now,
    },
  ],
})

const known = payments
  .stream()
  .keyBy('customer')
  .join('with-customer', customers.table(), {
    how: 'left', // a payment of nobody known is not lost
    select: (payment, customer) => ({
      ...payment,
      name: customer?.name ?? 'unknown',
      country: customer?.country ?? 'unknown',
      over: customer === null || payment.amount > customer.limit,
    }),
  })

// Instead of your model: sixteen calls at once, each with a time limit; the key lets a service tell repeats apart.
const scored = known
  .async('score', async (payment, call) => ({ ...payment, call: call.key, risk: await riskOf(payment) }), {
    concurrency: 16,
    timeout: '2s',
    retry: 3,
  })
  .onError('dead-letter')

async function riskOf(payment: { amount: number; over: boolean }): Promise<number> {
  await Bun.sleep(20 + Math.random() * 50)
  return Math.min(100, Math.round(payment.amount / 10 + (payment.over ? 50 : 0)))
}

scored.to('scored-payments')

const perCountry = scored
  .keyBy('country')
  .window('per-country', window.tumbling('1m', { grace: '5s' }))
  .aggregate({ payments: agg.count(), amount: agg.sum('amount'), risk: agg.avg('risk') })
  .emit('on-update')

const board = dashboard('payments', { title: 'Payments' }, [
  stat('risk', scored, { title: 'Risk of the latest', y: 'risk', width: 4 }),
  bar('countries', perCountry, { title: 'By country, this minute', y: 'amount', width: 8 }),
  area('minutes', perCountry, { title: 'Per minute', y: 'amount', x: 'window.start', by: 'key', width: 12 }),
  table('latest', scored, {
    title: 'Latest payments',
    by: 'id',
    columns: [
      { field: 'at', label: 'Time', time: true },
      { field: 'name', label: 'Customer' },
      { field: 'country', label: 'Country' },
      { field: 'amount', label: 'Amount', decimals: 2 },
      { field: 'risk', label: 'Risk' },
    ],
    sortBy: 'at',
    limit: 10,
    width: 12,
  }),
])

export const enrichment = app({ id: 'enrichment' }).use(registry, tills, scored, perCountry, board)
