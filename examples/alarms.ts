// Sensors that run hot, or fall silent: state and timers for each, and an alarm that ends when all is well again.
import { app, dashboard, line, output, s, source, stat, state, table, topic } from 'pspf'

const readings = topic('readings', {
  value: s.object({ sensor: s.string(), celsius: s.number(), at: s.timestamp() }),
  time: { at: (reading) => reading.at, outOfOrder: '1s', maxAhead: '1m' },
  onBad: 'dead-letter', // a sensor whose clock is wrong does not make the others late
})

// Instead of your sensors: eight, of which the third runs hot now and then, and the last falls silent.
const heat = new Map<string, number>()
const plant = source('plant', {
  to: readings,
  every: '1s',
  read: ({ now }) =>
    Array.from({ length: 8 }, (_, n) => `sensor-${n + 1}`).flatMap((sensor, n) => {
      if (n === 7 && now % 60_000 > 30_000) return []
      const [usual, drift] = n === 2 ? [64, 4] : [58, 1.5]
      const before = heat.get(sensor) ?? usual
      const celsius = Math.max(20, before + (Math.random() - 0.5) * drift + (usual - before) * 0.02)
      heat.set(sensor, celsius)
      return [{ sensor, celsius: Math.round(celsius * 10) / 10, at: now }]
    }),
})

type Alarm = { sensor: string; alarm: 'hot' | 'silent'; on: boolean; at: number; celsius: number }
const limit = 65

const watch = readings
  .stream()
  .keyBy('sensor')
  .process('watch', {
    state: {
      last: state.value(0),
      hot: state.value(false),
      raised: state.set<Alarm['alarm']>(),
    },
    out: output<Alarm>(),
    on({ sensor, celsius, at }, ctx) {
      const { last, hot, raised } = ctx.state
      last.set(celsius)
      // Each reading puts this timer off: it fires when there has been none for ten seconds.
      ctx.timers.event('silent', '10s')
      // This one is set by the first hot reading, and taken back by the next that is not.
      if (celsius > limit && !hot.get()) ctx.timers.event('hot', '5s')
      if (celsius <= limit) ctx.timers.cancel('hot')
      hot.set(celsius > limit)
      for (const alarm of raised.values()) {
        if (alarm === 'hot' && celsius > limit) continue
        raised.delete(alarm)
        ctx.emit({ sensor, alarm, on: false, at, celsius })
      }
    },
    timers: {
      hot(ctx) {
        const { last, raised } = ctx.state
        raised.add('hot')
        ctx.emit({ sensor: ctx.key, alarm: 'hot', on: true, at: ctx.eventTime, celsius: last.get() })
      },
      silent(ctx) {
        const { last, raised } = ctx.state
        raised.add('silent')
        ctx.emit({ sensor: ctx.key, alarm: 'silent', on: true, at: ctx.eventTime, celsius: last.get() })
      },
    },
  })

watch.out.to('alarms')

const raised = watch.out.filter(({ on }) => on)
const board = dashboard('plant', { title: 'Sensors' }, [
  stat('hottest', readings, { title: 'Latest reading', y: 'celsius', unit: '°C', decimals: 1, width: 6 }),
  stat('alarm', raised, { title: 'Latest alarm at', y: 'celsius', unit: '°C', decimals: 1, width: 6 }),
  line('celsius', readings, {
    title: 'Temperature',
    y: 'celsius',
    by: 'sensor',
    unit: '°C',
    span: '5m',
    width: 12,
  }),
  table('alarms', watch.out, {
    title: 'Alarms',
    by: 'at',
    columns: [
      { field: 'at', label: 'Time', time: true },
      { field: 'sensor', label: 'Sensor' },
      { field: 'alarm', label: 'Alarm' },
      { field: 'on', label: 'On' },
      { field: 'celsius', label: 'Temperature', unit: '°C', decimals: 1 },
    ],
    sortBy: 'at',
    limit: 12,
    width: 12,
  }),
])

export const alarms = app({ id: 'alarms' }).use(plant, watch, board)
