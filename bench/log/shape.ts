// What is measured: a shape of load, on one subject, and what a run of it gives.
import type { Latency } from '../histogram.ts'

export type Shape = {
  /** Of one record's value. */
  readonly bytes: number
  /** Appends that are under way at once. */
  readonly inFlight: number
  readonly partitions: number
  /** In one append: a batch, a pipeline, a transaction's rows. */
  readonly records: number
}

/** Who is measured. `raw` writes and syncs a file, nothing else. */
export type Subject = 'log' | 'raw' | 'sqlite' | 'redis' | 'redis-weak' | 'nats' | 'nats-weak' | 'http'

export const subjectNames: Record<Subject, string> = {
  log: 'pspf log, in process',
  raw: 'raw write+fdatasync',
  sqlite: 'SQLite, WAL, synchronous=FULL, grouped by hand',
  redis: 'Redis Streams, appendfsync always',
  'redis-weak': 'WEAK: Redis Streams, appendfsync everysec',
  nats: 'NATS JetStream, sync_interval always',
  'nats-weak': 'WEAK: NATS JetStream, default (sync every 2 min)',
  http: 'pspf through HTTP',
}

export type LoadPlan = Shape & {
  readonly subject: Subject
  /** For those that run inside the load's process. */
  readonly directory: string
  /** For the others. */
  readonly port: number
  readonly seconds: number
  /** Appends per second of an open loop; 0: each lane appends again as soon as it is answered. */
  readonly perSecond: number
}

export type LoadResult = {
  readonly recordsPerSecond: number
  readonly failed: number
  readonly latency: Latency
  /** Of the load's process, which is also the subject's for those in process. */
  readonly cpuSeconds: number
  readonly writtenBytes: number
  readonly peakMegabytes: number
  /** Records appended in all, warm-up included: what CPU and bytes were spent on. */
  readonly records: number
}

/** A frame of the log holds about so much; peers that are grouped by hand get groups of the same size. */
export const groupBytesMax = 4 * 2 ** 20

const sizes: readonly (readonly [number, string])[] = [
  [2 ** 20, 'MB'],
  [2 ** 10, 'KB'],
  [1, 'B'],
]

/** `sizeText(16384) -> '16 KB'`. */
export function sizeText(bytes: number): string {
  const [unit, name] = sizes.find(([unit]) => bytes >= unit) ?? [1, 'B']
  return `${bytes / unit} ${name}`
}

export function shapeText({ bytes, inFlight, partitions, records }: Shape): string {
  const batch = records > 1 ? ` × ${records} records` : ''
  return `${sizeText(bytes)}${batch}, ${inFlight} in flight, ${partitions} partition${partitions > 1 ? 's' : ''}`
}
