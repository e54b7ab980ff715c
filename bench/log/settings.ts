// What a run of the log's bench shall do, read from the command line.
import { join } from 'node:path'
import type { Subject } from './shape.ts'

export const option = (name: string) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}
const list = (name: string) => option(name)?.split(',')
const numbers = (name: string) => list(name)?.map(Number)
export const isQuick = process.argv.includes('--quick')

export type Settings = {
  readonly runs: number
  readonly seconds: number
  readonly only: readonly string[]
  readonly bytes: readonly number[]
  readonly inFlight: readonly number[]
  readonly partitions: readonly number[]
  /** Records in one append. */
  readonly records: readonly number[]
  readonly subjects: readonly Subject[]
  readonly gigabytes: readonly number[]
  /** A folder for data, emptied before and after. */
  readonly scratch: string
}

const everySubject: Subject[] = ['log', 'raw', 'sqlite', 'redis', 'nats', 'http', 'redis-weak', 'nats-weak']

export const settings: Settings = {
  runs: Number(option('runs') ?? (isQuick ? 3 : 7)),
  seconds: Number(option('seconds') ?? (isQuick ? 2 : 60)),
  only: list('only') ?? ['produce', 'tails', 'disturbances', 'read', 'recovery'],
  bytes: numbers('bytes') ?? [100, 1024, 16_384, 2 ** 20],
  inFlight: numbers('in-flight') ?? (isQuick ? [1, 256] : [1, 64, 256]),
  partitions: numbers('partitions') ?? (isQuick ? [1, 64] : [1, 16, 64]),
  records: numbers('records') ?? [1, 100],
  subjects: (list('subjects') as Subject[] | undefined) ?? everySubject,
  gigabytes: numbers('gigabytes') ?? (isQuick ? [0.1, 1] : [0.1, 1, 10]),
  scratch: option('directory') ?? join(import.meta.dir, '..', '..', 'dist', 'bench-log'),
}
