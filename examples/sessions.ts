// Visits to a site: clicks of a visitor that follow each other within half a minute are one session.
import { agg, app, area, dashboard, s, source, stat, table, topic, window } from 'pspf'

const clicks = topic('clicks', {
  value: s.object({ visitor: s.string(), page: s.string(), at: s.timestamp() }),
  time: { at: (click) => click.at, outOfOrder: '2s' },
})

// Instead of your site: visitors who come, look at some pages, and leave.
const pages = ['/', '/shoes', '/hats', '/hats/red', '/basket', '/thanks']
const visiting = new Map<string, number>()
let visitors = 0
const site = source('site', {
  to: clicks,
  every: '500ms',
  read({ now }) {
    if (Math.random() < 0.5)
      visiting.set(`visitor-${++visitors}-${now % 1_000}`, 1 + Math.floor(Math.random() * 8))
    return [...visiting].flatMap(([visitor, left]) => {
      if (Math.random() > 0.3) return []
      if (left === 0) visiting.delete(visitor)
      else visiting.set(visitor, left - 1)
      const page = pages[Math.floor(Math.random() * pages.length)]!
      return [{ visitor, page, at: now }]
    })
  },
})

const sessions = clicks
  .stream()
  .keyBy('visitor')
  .window('sessions', window.session({ gap: '30s', grace: '5s', max: '1h' }))
  .aggregate({
    clicks: agg.count(),
    pages: agg.distinct('page'),
    path: agg.collect((click) => click.page, { max: 10 }),
  })
  .emit('on-close', { afterSilence: '1m' })

// What a session comes to, in the words of the business.
const visits = sessions.out.map(({ key, window: { start, end }, ...session }) => ({
  visitor: key,
  at: start,
  seconds: Math.round((end - start) / 1_000),
  clicks: session.clicks,
  path: session.path.join(' > '),
  bought: session.path.includes('/thanks') ? 1 : 0,
}))
visits.to('visits')

const perMinute = clicks
  .stream()
  .keyBy(() => 'site')
  .window('clicks-per-minute', window.hopping('1m', { every: '10s', grace: '2s' }))
  .aggregate({ clicks: agg.count(), visitors: agg.distinct('visitor') })
  .emit('on-close')

const board = dashboard('visits', { title: 'Visits' }, [
  stat('visitors', perMinute, { title: 'Visitors, last minute', y: 'visitors', sparkline: true, width: 6 }),
  stat('clicks', perMinute, { title: 'Clicks, last minute', y: 'clicks', sparkline: true, width: 6 }),
  area('minutes', perMinute, {
    title: 'Last minute',
    y: ['clicks', 'visitors'],
    x: 'window.end',
    span: '15m',
    width: 12,
  }),
  table('last', visits, {
    title: 'Visits that have ended',
    by: 'visitor',
    columns: [
      { field: 'at', label: 'From', time: true },
      { field: 'visitor', label: 'Visitor' },
      { field: 'clicks', label: 'Clicks' },
      { field: 'seconds', label: 'Seconds' },
      { field: 'path', label: 'Pages' },
    ],
    sortBy: 'at',
    limit: 12,
    width: 12,
  }),
])

export const sessionsApp = app({ id: 'sessions' }).use(site, sessions, visits, perMinute, board)
