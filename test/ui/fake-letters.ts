// Dead letters that do not exist, for the pages about them.
import type {
  DeadLetterJson,
  DeadLettersPage,
  DeadLetterTopic,
  ReplayAnswer,
} from '../../src/http/contract.ts'
import { recordAt } from './fake-data.ts'

const errors = [
  'RangeError: order A-100412 has the negative amount -14.5',
  'TypeError: Cannot read properties of undefined (reading "sku")',
  'SchemaMismatch: "amount" must be a number, not "<img src=x onerror=alert(1)>"',
]
const waiting = 38
const replayed = 4

function letterAt(offset: number): DeadLetterJson {
  const error = errors[offset % errors.length]!
  return {
    partition: 0,
    offset,
    state: offset < replayed ? 'replayed' : 'waiting',
    app: 'quickstart',
    task: 'orders-0',
    node: offset % 3 === 2 ? 'orders' : 'check-amounts',
    stage: offset % 3 === 2 ? 'read' : 'process',
    kind: offset % 11 === 5 ? 'row' : 'record',
    error,
    stack: `${error}\n    at check (/home/ada/shop/orders.ts:18:37)\n    at map (/home/ada/shop/orders.ts:11:5)`,
    attempts: 3,
    topic: 'orders',
    record: recordAt('orders', 1, 1_000 + offset * 17),
  }
}

export function deadLetterTopics(empty: boolean): DeadLetterTopic[] {
  if (empty) return []
  const cause = (error: string, letters: number) => ({
    error,
    app: 'quickstart',
    node: 'check-amounts',
    letters,
  })
  const lastAppendTime = Date.now() - 90_000
  const one = {
    topic: 'orders.dead',
    of: 'orders',
    letters: waiting + replayed,
    replayed,
    waiting,
    sizeBytes: 61_000,
  }
  const none = { letters: 0, replayed: 0, waiting: 0, sizeBytes: 0, lastAppendTime: 0, causes: [] }
  return [
    { ...one, lastAppendTime, causes: [cause(errors[0]!, 14), cause(errors[1]!, 12)] },
    { topic: 'sensors.vibration.dead', of: 'sensors.vibration', ...none },
  ]
}

export function lettersPage(query: URLSearchParams): DeadLettersPage {
  const state = query.get('state')
  const limit = Number(query.get('limit') ?? 50)
  const all = Array.from({ length: waiting + replayed }, (_, index) =>
    letterAt(waiting + replayed - 1 - index),
  )
  const letters = all.filter((letter) => state === null || letter.state === state).slice(0, limit)
  return { letters, next: null }
}

export function replayLetters({
  letters,
  dryRun = false,
}: {
  letters?: unknown[]
  dryRun?: boolean
}): ReplayAnswer {
  const records = letters?.length ?? waiting - 3
  const why = letters
    ? []
    : [{ partition: 0, offset: 5, why: 'it is a row that per-region was given, not a record' }]
  const into = [{ topic: 'orders', records }]
  const skipped = letters ? 0 : 3
  return {
    topic: 'orders.dead',
    dryRun,
    replayed: records,
    alreadyReplayed: 0,
    skipped,
    why,
    into,
    more: false,
  }
}
