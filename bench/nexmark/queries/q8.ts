// Who came and opened an auction within the same ten seconds.
import { agg, app, window } from 'pspf'
import { events } from './input.ts'

type Both = readonly [name: string | null, sells: boolean]

const arrivals = events.stream().flatMap((event): { id: number; name: string | null }[] => {
  if (event.kind === 'person') return [{ id: event.id, name: event.name }]
  return event.kind === 'auction' ? [{ id: event.seller, name: null }] : []
})
const join = (a: Both, b: Both): Both => [a[0] ?? b[0], a[1] || b[1]]
const newSellers = arrivals
  .keyBy('id')
  .window('arrivals', window.tumbling('10s', { grace: '0s' }))
  .aggregate({
    both: agg.custom('both', {
      init: (): Both => [null, false],
      add: (both: Both, row: { name: string | null }) => join(both, [row.name, row.name === null]),
      merge: join,
      result: (both) => both,
    }),
  })
  .emit('on-close')
const rows = newSellers.out.flatMap(({ key, window: { start }, both: [name, sells] }) =>
  name !== null && sells ? [{ id: key, name, start }] : [],
)
export const q8 = app({ id: 'q8' }).use(rows.to('q8-out'))
