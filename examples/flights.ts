// Every flight in the USA in two weeks of June 2001, replayed at a day per minute: how late, where, on which routes.
import { agg, app, bar, dashboard, line, replay, s, sample, source, stat, table, topic, window } from 'pspf'

const flights = topic('flights', {
  value: s.object({
    at: s.timestamp(), // departure
    origin: s.string(),
    destination: s.string(),
    distance: s.number(), // miles
    delay: s.number(), // minutes late on arrival; negative is early
  }),
  key: 'origin',
  time: { at: (flight) => flight.at },
  retention: '1h', // counted from when it was written, not from 2001
})

// After the last day the first one follows again, two weeks later: same weekday, and time never goes back.
const recorded = source('recorded', {
  to: flights,
  ...replay(await sample('flights'), {
    at: (flight) => flight.at,
    speed: 24 * 60,
    atEnd: 'loop',
    lap: '14d',
    retime: (flight, byMs) => ({ ...flight, at: flight.at + byMs }),
  }),
})

const country = flights.stream().keyBy(() => 'USA')
const total = country.aggregate('total', { flights: agg.count(), miles: agg.sum('distance') })

const lastHour = country
  .window('last-hour', window.hopping('1h', { every: '15m', grace: '0s' }))
  .aggregate({
    departures: agg.count(),
    punctual: agg.sum((flight) => (flight.delay > 15 ? 0 : 1)),
    late: agg.sum((flight) => (flight.delay > 15 ? 1 : 0)),
    latePercent: agg.avg((flight) => (flight.delay > 15 ? 100 : 0)),
    delay: agg.avg('delay'),
  })
  .emit('on-close')

const perAirport = flights
  .stream()
  .keyBy('origin')
  .window('per-airport', window.hopping('2h', { every: '1h', grace: '0s' }))
  .aggregate({ departures: agg.count(), delay: agg.avg('delay') })
  .emit('on-close')
const busyAirports = perAirport.out.filter((row) => row.departures >= 10)
const hubs = perAirport.out.filter((row) => ['ATL', 'EWR', 'ORD', 'SFO'].includes(row.key))

const perRoute = flights
  .stream()
  .keyBy((flight) => `${flight.origin} → ${flight.destination}`)
  .window('per-route', window.tumbling('6h', { grace: '0s' }))
  .aggregate({ flights: agg.count(), delay: agg.avg('delay'), worst: agg.max('delay') })
  .emit('on-close')
const slowRoutes = perRoute.out.filter((row) => row.flights >= 4 && (row.delay ?? 0) >= 30)

const veryLate = flights.stream().filter((flight) => flight.delay >= 180)

const minutes = {
  unit: 'min',
  decimals: 0,
  thresholds: [
    { at: 15, tone: 'warn' },
    { at: 45, tone: 'bad' },
  ],
} as const
const oneDay = { x: 'window.end', span: '1d' } as const

const board = dashboard('flights', { title: 'Flights in the USA, June 2001' }, [
  stat('so-far', total, { title: 'Flights so far', y: 'flights' }),
  stat('departures', lastHour, { title: 'Departures in an hour', y: 'departures', sparkline: true }),
  stat('delay', lastHour, { title: 'Average delay', y: 'delay', ...minutes, sparkline: true }),
  stat('late', lastHour, { title: 'Over 15 min late', y: 'latePercent', unit: '%', sparkline: true }),
  line('punctuality', lastHour, {
    title: 'Punctual and late departures',
    y: ['punctual', 'late'],
    ...oneDay,
  }),
  line('hubs', hubs, { title: 'Average delay at four hubs', y: 'delay', by: 'key', unit: 'min', ...oneDay }),
  bar('busiest', busyAirports, { title: 'Busiest airports, two hours', y: 'departures', limit: 8 }),
  bar('delayed', busyAirports, {
    title: 'Most delayed airports, two hours',
    y: 'delay',
    ...minutes,
    limit: 8,
  }),
  table('routes', slowRoutes, {
    title: 'Slowest routes, six hours',
    columns: [
      { field: 'key', label: 'Route' },
      { field: 'delay', label: 'Average', unit: 'min', decimals: 0 },
      { field: 'worst', label: 'Worst', unit: 'min' },
    ],
    sortBy: 'delay',
    limit: 8,
    width: 4,
  }),
  table('very-late', veryLate, {
    title: 'Three hours late or more',
    columns: [
      { field: 'at', label: 'Departure', time: true },
      { field: 'origin', label: 'From' },
      { field: 'destination', label: 'To' },
      { field: 'delay', label: 'Delay', unit: 'min' },
    ],
    limit: 8,
    width: 12,
  }),
])

export const flightsApp = app({ id: 'flights' }).use(recorded, total, lastHour, perAirport, perRoute, board)
