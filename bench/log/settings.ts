// What a run of the log's bench shall do, read from the command line.
import { join } from 'node:path'
import { type Part, parts } from './parts.ts'
import type { Subject } from './shape.ts'

export const option = (name: string) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}
const list = (name: string) => option(name)?.split(',')
const numbers = (name: string) => list(name)?.map(Number)
const isQuick = process.argv.includes('--quick')

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

/** What the command line says goes before the part, and the part before what is usual. */
function settingsOf(part: Part): Settings {
  const of = <T>(given: T | undefined, ofPart: T | undefined, usual: T): T => given ?? ofPart ?? usual
  const number = (name: string) => (option(name) === undefined ? undefined : Number(option(name)))
  return {
    runs: of(number('runs'), part.runs, isQuick ? 3 : 7),
    seconds: of(number('seconds'), part.seconds, isQuick ? 2 : 60),
    only: of(list('only'), part.only, ['produce', 'tails', 'disturbances', 'read', 'recovery']),
    bytes: of(numbers('bytes'), part.bytes, [100, 1024, 16_384, 2 ** 20]),
    inFlight: of(numbers('in-flight'), part.inFlight, isQuick ? [1, 256] : [1, 64, 256]),
    partitions: of(numbers('partitions'), part.partitions, isQuick ? [1, 64] : [1, 16, 64]),
    records: of(numbers('records'), part.records, [1, 100]),
    subjects: of(list('subjects') as Subject[] | undefined, part.subjects, everySubject),
    gigabytes: of(numbers('gigabytes'), part.gigabytes, isQuick ? [0.1, 1] : [0.1, 1, 10]),
    scratch: option('directory') ?? join(import.meta.dir, '..', '..', 'dist', 'bench-log'),
  }
}

function partNamed(name: string): readonly Part[] {
  const found = parts[name]
  if (found !== undefined) return found
  console.error(`there is no part "${name}": ${Object.keys(parts).join(', ')}`)
  process.exit(2)
}

const part = option('part')
/** Into the name of the file of results. */
export const suffix = part !== undefined ? `-${part}` : isQuick ? '-quick' : ''
/** One after the other, into one report. */
export const plans: readonly Settings[] = (part === undefined ? [{}] : partNamed(part)).map(settingsOf)
