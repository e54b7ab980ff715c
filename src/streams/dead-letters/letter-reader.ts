// Reads topics of dead letters: onwards for a replay, newest first for people.
import { asOffset } from '#base'
import type { Broker } from '#broker'
import { type Header, type RecordView, readRecords } from '#record'
import { type DeadLetter, ownHeaders, readDeadLetter } from '../dead-letter.ts'
import { endOfBatches } from '../runtime/batch-end.ts'
import type { DeadLetterLimits } from './limits.ts'

/** A record of a topic of dead letters. */
export type StoredLetter = {
  readonly offset: number
  /** null: somebody put a record there that is no dead letter. */
  readonly letter: DeadLetter | null
  /** As it was: without what says why it is dead. */
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly Header[]
  readonly timestamp: number
  readonly sizeBytes: number
}

export type LetterSource = {
  readonly broker: Broker
  readonly topic: string
  readonly partition: number
  readonly limits: DeadLetterLimits
}

/** Every letter in `[from, to)`, a read at a time, so that whoever is served meanwhile does not wait long. */
export async function* readLetters(
  { broker, topic, partition, limits }: LetterSource,
  from: number,
  to: number,
): AsyncGenerator<StoredLetter> {
  for (let next = from; next < to; ) {
    const request = { topic, partition, from: asOffset(next), bytesMax: limits.readBytesMax, waitMs: 0 }
    const { batches } = await broker.fetch(request)
    if (batches.length === 0) return
    for (const record of readRecords(batches, next)) {
      if (record.offset >= to) return
      yield letterOf(record)
    }
    next = endOfBatches(batches)
  }
}

/** Every letter in `[from, to)`, the newest first. */
export async function* readLettersBack(
  source: LetterSource,
  from: number,
  to: number,
): AsyncGenerator<StoredLetter> {
  let size = source.limits.windowLetters
  for (let end = to; end > from; ) {
    const start = Math.max(from, end - size)
    const window = await readWindow(source, start, end)
    if (window === null) {
      size = Math.max(1, size >> 1)
      continue
    }
    yield* window.reverse()
    end = start
  }
}

/** null: more bytes than a page may have, and more than one letter. */
async function readWindow(source: LetterSource, from: number, to: number): Promise<StoredLetter[] | null> {
  const letters: StoredLetter[] = []
  let sizeBytes = 0
  for await (const letter of readLetters(source, from, to)) {
    sizeBytes += letter.sizeBytes
    if (sizeBytes > source.limits.pageBytesMax && to - from > 1) return null
    letters.push(letter)
  }
  return letters
}

function letterOf({ offset, timestamp, key, value, headers }: RecordView): StoredLetter {
  const sizeOfHeaders = headers.reduce((sum, one) => sum + one.key.length + (one.value?.length ?? 0), 0)
  return {
    offset,
    timestamp,
    key,
    value,
    headers: ownHeaders(headers),
    letter: readDeadLetter(headers),
    sizeBytes: (key?.length ?? 0) + (value?.length ?? 0) + sizeOfHeaders,
  }
}
