// Records that are wrong, and functions that fail: nothing stops, and nothing is lost. What could not be processed waits in
// a topic of its own, with where and why; `pspf dlq` lists it and sends it again.
import { agg, app, area, dashboard, s, source, stat, table, topic, window } from 'pspf'

const raw = topic<unknown>('meter-lines') // whatever the meters send, as it comes
const meters = topic('meter-lines', {
  value: s.object({ meter: s.string(), kwh: s.number(), at: s.timestamp() }),
  time: { at: (line) => line.at, outOfOrder: '2s', maxAhead: '5m' },
  onBad: 'dead-letter', // not JSON, not this schema, no time or one far in the future
})

// Instead of your meters: most lines are right, some are not.
const field = source('field', {
  to: raw,
  every: '250ms',
  read({ now }) {
    const meter = `meter-${1 + Math.floor(Math.random() * 5)}`
    const kwh = Math.round(Math.random() * 500) / 100
    const chance = Math.random()
    if (chance < 0.05) return [{ meter, kwh: 'n/a', at: now }] // not what the schema says
    if (chance < 0.08) return [{ meter, kwh, at: now + 86_400_000 }] // a clock that is a day ahead
    if (chance < 0.12) return [{ meter, kwh: -kwh, at: now }] // a meter that runs backwards
    return [{ meter, kwh, at: now }]
  },
})

const checked = meters
  .stream()
  .map((line) => {
    if (line.kwh < 0) throw new RangeError(`${line.meter} runs backwards: ${line.kwh} kWh`)
    return line
  })
  // Twice more, should the cause go away; then it is put aside. Other steps of the app say for themselves.
  .onError({ retry: 2, backoff: '50ms', otherwise: 'dead-letter' })

const usage = checked
  .keyBy('meter')
  .window('usage', window.tumbling('1m', { grace: '5s' }))
  .aggregate({ lines: agg.count(), kwh: agg.sum('kwh') })
  .emit('on-update')
usage.out.to('usage')

// Dead letters are records like others: an app can read them, too.
const dead = topic<{ meter?: string; kwh?: unknown; at?: number }>('meter-lines.dead')
const deadPerMeter = dead
  .stream()
  .keyBy((line) => line.meter ?? 'unknown')
  .count('dead-per-meter')
const deadInAll = dead
  .stream()
  .keyBy(() => 'all')
  .count('dead-in-all')

const board = dashboard('meters', { title: 'Meters' }, [
  stat('kwh', usage, { title: 'kWh, this minute', y: 'kwh', reduce: 'sum', decimals: 1, width: 6 }),
  stat('dead', deadInAll, { title: 'Dead letters', y: 'count', width: 6 }),
  area('minutes', usage, { title: 'Per minute', y: 'kwh', x: 'window.start', by: 'key', width: 12 }),
  table('dead-letters', deadPerMeter, {
    title: 'Dead letters per meter',
    by: 'key',
    columns: [
      { field: 'key', label: 'Meter' },
      { field: 'count', label: 'Dead letters' },
    ],
    sortBy: 'count',
    limit: 10,
    width: 12,
  }),
])

export const deadLetters = app({ id: 'dead-letters' }).use(field, usage, deadPerMeter, deadInAll, board)
