// This very machine, once a second: processor, memory, disk and network.
import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { cpus, freemem, totalmem } from 'node:os'
import { agg, app, area, dashboard, line, s, source, stat, table, topic, window } from 'pspf'

const host = topic('host', {
  value: s.object({
    at: s.timestamp(),
    cores: s.array(s.number()), // percent busy, each
    cpu: s.number(), // percent busy, all
    memory: s.number(), // bytes in use
    memoryPercent: s.number(),
    diskFree: s.number(), // bytes on the volume of the working directory
    read: s.number(), // bytes per second from and to disks and network; 0 where there is no /proc
    written: s.number(),
    received: s.number(),
    sent: s.number(),
  }),
  time: { at: (row) => row.at },
  retention: '1d',
})

/** Sums columns over the lines of a /proc table that match. */
function sums(file: string, lines: RegExp, columns: number[]): number[] {
  const rows = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  const cells = rows.filter((row) => lines.test(row)).map((row) => row.trim().split(/[\s:]+/))
  return columns.map((column) => cells.reduce((sum, row) => sum + Number(row[column]), 0))
}

/** Everything that only grows: disk sectors, network bytes, idle milliseconds of each core. */
const readCounters = () => [
  ...sums('/proc/diskstats', /\b([sv]d[a-z]|nvme\d+n\d+|mmcblk\d+)\s/, [5, 9]),
  ...sums('/proc/net/dev', /:/, [1, 9]),
  ...cpus().map((core) => core.times.idle),
]
let last = { at: 0, counters: readCounters() }

function look(at: number) {
  const before = last
  last = { at, counters: readCounters() }
  if (before.at === 0 || at <= before.at) return [] // a rate needs two looks
  const perSecond = last.counters.map((count, n) => ((count - before.counters[n]!) * 1000) / (at - before.at))
  const [read = 0, written = 0, received = 0, sent = 0, ...idle] = perSecond
  const cores = idle.map((ms) => Math.min(100, Math.max(0, 100 - ms / 10)))
  const cpu = cores.reduce((sum, busy) => sum + busy, 0) / cores.length
  const memory = totalmem() - freemem()
  const memoryPercent = (100 * memory) / totalmem()
  const { bavail, bsize } = statfsSync('.')
  const disk = { diskFree: bavail * bsize, read: read * 512, written: written * 512 }
  return [{ at, cores, cpu, memory, memoryPercent, ...disk, received, sent }]
}

const machine = source('machine', { to: host, every: '1s', read: ({ now }) => look(now) })

const tenSeconds = host
  .stream()
  .keyBy(() => 'host')
  .window('ten-seconds', window.tumbling('10s', { grace: '0s' }))
  .aggregate({
    average: agg.avg('cpu'),
    peak: agg.max('cpu'),
    memory: agg.max('memory'),
    written: agg.avg('written'),
  })
  .emit('on-close')

const cores = host.stream().flatMap((row) => row.cores.map((busy, core) => ({ core: `core ${core}`, busy })))

const percent = { unit: '%', decimals: 0 } as const
const load = {
  ...percent,
  thresholds: [
    { at: 75, tone: 'warn' },
    { at: 90, tone: 'bad' },
  ],
} as const
const recent = { span: '5m', min: 0 } as const
const throughput = { unit: 'bytes/s', ...recent } as const

const board = dashboard('host', { title: 'This machine' }, [
  stat('cpu', host, { title: 'Processor', y: 'cpu', ...load, sparkline: true }),
  stat('memory', host, { title: 'Memory', y: 'memoryPercent', ...load, sparkline: true }),
  stat('disk-free', host, { title: 'Disk space left', y: 'diskFree', unit: 'bytes' }),
  stat('network', host, { title: 'Network in', y: 'received', unit: 'bytes/s', sparkline: true }),
  line('cores', cores, { title: 'Processor by core', y: 'busy', by: 'core', ...percent, ...recent }),
  line('cpu-10s', tenSeconds, {
    title: 'Processor, ten seconds',
    y: ['average', 'peak'],
    ...percent,
    ...recent,
  }),
  area('memory-used', host, { title: 'Memory in use', y: 'memory', unit: 'bytes', ...recent }),
  area('disk-io', host, { title: 'Disk', y: ['read', 'written'], ...throughput }),
  area('network-io', host, { title: 'Network, loopback included', y: ['received', 'sent'], ...throughput }),
  table('history', tenSeconds, {
    title: 'Ten seconds each',
    by: 'window.start',
    columns: [
      { field: 'window.start', label: 'From', time: true },
      { field: 'average', label: 'Processor', ...percent },
      { field: 'peak', label: 'Peak', ...percent },
      { field: 'memory', label: 'Memory', unit: 'bytes' },
      { field: 'written', label: 'Disk', unit: 'bytes/s' },
    ],
    latestWindow: false,
    sortBy: 'window.start',
    limit: 7,
  }),
])

export const hostApp = app({ id: 'host' }).use(machine, tenSeconds, board)
