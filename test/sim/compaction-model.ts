// What a compacted partition may and may not answer after faults, kept by a client: every record that was sent, and which
// of them were gone once. `check` throws at the first broken promise.
import { asOffset } from '#base'
import type { LogGroup, Partition, PartitionId } from '#log'
import { readRecords } from '#record'

export type SentRecord = { readonly key: string | null; readonly value: string | null; readonly id: number }
/** One batch: its records lie at consecutive offsets. */
export type SentBatch = {
  readonly records: readonly SentRecord[]
  /** -1: not acknowledged. */
  offset: number
  refused: boolean
}
type Present = {
  readonly offset: number
  readonly id: number
  readonly key: string | null
  tombstone: boolean
}

/** The number of a record travels as its timestamp, so that tombstones have one too. */
export const timestampOf = (id: number) => 1_000_000 + id
const idOf = (timestamp: number) => timestamp - 1_000_000

export class CompactionModel {
  readonly sent: SentBatch[] = []
  readonly #id: PartitionId
  readonly #known = new Map<number, SentRecord>()
  readonly #gone = new Set<number>()
  trimmedTo = 0

  constructor(id: PartitionId) {
    this.#id = id
  }

  async check(log: LogGroup): Promise<void> {
    const partition = log.partition(this.#id)
    if (!partition) return broken('the partition is gone')
    const present = await readAll(partition)
    this.#learn(present)
    const places = new Map(present.map((each) => [each.offset, each]))
    for (const [offset, record] of this.#known) this.#checkKnown(partition, places, { offset, record })
    for (const { offset, id } of present) {
      if (this.#known.get(offset)?.id !== id) broken(`offset ${offset} holds ${id}, which was not sent there`)
      if (this.#gone.has(offset)) broken(`offset ${offset} was gone and is back`)
    }
    for (const offset of this.#known.keys()) {
      if (offset >= partition.startOffset && !places.has(offset)) this.#gone.add(offset)
    }
    if (partition.startOffset > this.trimmedTo)
      broken(`it starts at ${partition.startOffset}, which nobody asked for`)
    await checkSeeks(partition, present)
  }

  /** After a round over everything: each key has its latest record and nothing else, but for tombstones. */
  async checkCompact(log: LogGroup, tombstones: 'stay' | 'are gone'): Promise<void> {
    const partition = log.partition(this.#id)!
    const present = (await readAll(partition)).map(({ offset }) => offset)
    const latest = new Map<string, number>()
    const wanted: number[] = []
    for (const [offset, { key }] of [...this.#known].sort(([a], [b]) => a - b)) {
      if (offset < partition.startOffset) continue
      if (key === null) wanted.push(offset)
      else latest.set(key, offset)
    }
    for (const offset of latest.values()) {
      if (this.#known.get(offset)!.value !== null || (tombstones === 'stay' && !this.#gone.has(offset)))
        wanted.push(offset)
    }
    const sorted = wanted.sort((a, b) => a - b).join(' ')
    if (present.join(' ') !== sorted)
      broken(`after a whole round there are [${present.join(' ')}], not [${sorted}]`)
  }

  /** Batches that were acknowledged, and unanswered ones that were found. */
  #learn(present: readonly Present[]): void {
    const offsets = new Map(present.map(({ id, offset }) => [id, offset]))
    for (const batch of this.sent) {
      if (batch.offset < 0) {
        const index = batch.records.findIndex(({ id }) => offsets.has(id))
        if (index < 0) continue
        if (batch.refused) broken(`${batch.records[index]!.id} was refused and is there`)
        batch.offset = offsets.get(batch.records[index]!.id)! - index
      }
      batch.records.forEach((record, index) => {
        this.#known.set(batch.offset + index, record)
      })
    }
  }

  #checkKnown(
    partition: Partition,
    places: ReadonlyMap<number, Present>,
    { offset, record }: { offset: number; record: SentRecord },
  ): void {
    if (offset >= partition.endOffset) broken(`acknowledged ${record.id} at ${offset} lies behind the end`)
    if (offset < partition.startOffset || places.has(offset)) return
    if (record.key === null) broken(`${record.id} at ${offset} has no key and is gone`)
    const later = [...this.#known].filter(([at, { key }]) => at > offset && key === record.key)
    // What superseded it may itself have been superseded, by an unanswered record at the latest.
    if (later.length > 0) return
    if (record.value !== null) broken(`${record.id} at ${offset} is the latest of ${record.key} and is gone`)
    const older = [...places.values()].find(({ key, tombstone }) => key === record.key && !tombstone)
    if (older) broken(`the tombstone of ${record.key} is gone and ${older.id} at ${older.offset} is there`)
  }
}

async function readAll(partition: Partition): Promise<Present[]> {
  const present: Present[] = []
  for (let next: number = partition.startOffset; next < partition.endOffset; ) {
    const bytes = await partition.read(asOffset(next), 700)
    for (const { offset, timestamp, key, value } of readRecords(bytes, next)) {
      const text = key === null ? null : new TextDecoder().decode(key)
      if (offset >= partition.endOffset) broken(`${offset} is served, which lies behind the end`)
      present.push({ offset, id: idOf(timestamp), key: text, tombstone: value === null })
    }
    const end = endOf(bytes)
    if (end <= next) broken(`nothing can be read at ${next}, below the end ${partition.endOffset}`)
    next = end
  }
  return present
}

function endOf(batches: Uint8Array): number {
  const view = new DataView(batches.buffer, batches.byteOffset, batches.byteLength)
  let end = -1
  for (let at = 0; at < batches.length; at += view.getInt32(at + 8) + 12)
    end = Number(view.getBigInt64(at)) + view.getInt32(at + 23) + 1
  return end
}

/** From every offset, in a gap or not, the next record there is comes. */
async function checkSeeks(partition: Partition, present: readonly Present[]): Promise<void> {
  for (let from: number = partition.startOffset; from < partition.endOffset; from++) {
    const wanted = present.find(({ offset }) => offset >= from)?.offset
    let found: number | undefined
    for (let next = from; found === undefined && next < partition.endOffset; ) {
      const slice = partition.slice(asOffset(next), 1)
      const bytes = await partition.read(asOffset(next), 1)
      if (slice?.sizeBytes !== bytes.length) broken(`slice and read differ at ${next}`)
      found = [...readRecords(bytes, from)][0]?.offset
      next = endOf(bytes)
    }
    if (found !== wanted) broken(`a read from ${from} finds ${found}, not ${wanted}`)
  }
}

function broken(how: string): never {
  throw new Error(`compaction is broken: ${how}`)
}
