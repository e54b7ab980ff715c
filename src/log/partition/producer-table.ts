// What a partition knows of the idempotent producers that write to it: enough to tell a batch that was sent again from a
// new one, also after a crash. The rules are Kafka's:
//
//   - a batch whose first and last sequence are those of one of the last five of its producer and epoch is a retry;
//   - otherwise it must begin where the last one of its epoch ended (2^31-1 is followed by 0);
//   - a higher epoch begins at sequence 0 and fences the lower ones;
//   - of a producer that is not known any sequence is taken; so it is of one that was not heard of for `producerExpiryMs`,
//     unless the batch is a retry or its epoch is over;
//   - but what was refused of such a producer must come again, or a new epoch begin, before anything behind it is taken.
//
// The last one is stricter than Kafka, where it holds in transactions only (KIP-890). Clients have several batches under way:
// when the first of all is refused for want of room and the next one taken, the retry of the first would be out of order for
// ever. It is remembered in memory alone: after a restart clients begin with the oldest batch that nobody acknowledged.
//
// Silence is counted in the time of `producer-time.ts`, never by the wall clock.
//
// Judged is against what is staged, kept is what is visible: the frames between the two may still be lost.
//
// Invariants:
//   1. `rows` tells of visible batches only, so a checkpoint never speaks of a batch that a power cut may undo.
//   2. The log and its recovery make the same changes in the same order, so they end with the same table.
//   3. At most `producersPerPartitionMax` producers are kept, and fewer when all tables together know too many: whoever has
//      been silent longest goes first.
//   4. What is visible of a producer is replaced, never changed: whoever holds it may read it later.
import type { BatchHeader } from '#record'
import type { OffsetRange } from '../damage/salvage.ts'
import type { LogLimits } from '../options.ts'
import type { ProducerCensus } from './producer-census.ts'

/** Batches of one producer that are recognised when they come again: as many as Kafka's clients keep in flight. */
const batchesKeptMax = 5
const sequencesCount = 2 ** 31
/** Producers whose first batch was refused: beyond it the first one of them may leave a gap. */
const awaitedMax = 1000

export type ProducerBatch = {
  readonly firstSequence: number
  readonly lastSequence: number
  /** -1 until its place in the partition is known. */
  baseOffset: number
}

type ProducerState = {
  readonly epoch: number
  readonly heardAt: number
  /** Oldest first; the last one says which sequence comes next. */
  readonly batches: readonly ProducerBatch[]
}

/** As a checkpoint keeps it: id, epoch, when it was last heard of, then first sequence, last sequence and base offset per batch. */
export type ProducerRow = readonly number[]

/** One step of one producer, which can be taken back or made visible. */
export type ProducerChange = {
  readonly table: ProducerTable
  readonly producerId: number
  /** What was staged before; undefined: nothing. */
  readonly before: ProducerState | undefined
  readonly after: ProducerState
}

export type ProducerVerdict =
  | { readonly kind: 'new' }
  | { readonly kind: 'duplicate'; readonly of: ProducerBatch }
  | { readonly kind: 'fenced'; readonly epoch: number }
  | { readonly kind: 'out_of_order'; readonly expected: number }

/** What a batch says of itself. */
type Claim = { readonly epoch: number; readonly firstSequence: number; readonly lastSequence: number }
type Context = Pick<LogLimits, 'producersPerPartitionMax' | 'producersMax' | 'producerExpiryMs'> & {
  readonly producerCensus: ProducerCensus
}

type Awaited = Pick<Claim, 'epoch' | 'firstSequence'>

const isNew: ProducerVerdict = { kind: 'new' }

/** Whether the log looks at the sequence of a batch: markers of transactions have none. */
export function hasSequence({ producerId, control }: BatchHeader): boolean {
  return producerId >= 0 && !control
}

export class ProducerTable {
  readonly #context: Context
  /** Least recently heard of first. */
  readonly #visible = new Map<number, ProducerState>()
  readonly #staged = new Map<number, ProducerState>()
  /** By producer that nothing holds to a sequence: the earliest batch that was refused. */
  readonly #awaited = new Map<number, Awaited>()
  #retired = false

  /** Of a partition that was cut back, as by a restore to an earlier moment, only what lies before its end is known. */
  constructor(context: Context, rows: Iterable<ProducerRow> = [], endOffset = Number.POSITIVE_INFINITY) {
    this.#context = context
    for (const row of rows) {
      const state = stateOf(row)
      const batches = state.batches.filter(({ baseOffset }) => baseOffset < endOffset)
      if (batches.length > 0) this.#show(row[0]!, { ...state, batches })
    }
  }

  /** Producers that are known. */
  get count(): number {
    return this.#visible.size
  }

  judge(header: BatchHeader, producerTime: number): ProducerVerdict {
    const claim = claimOf(header)
    return (
      this.#decideKnown(header.producerId, claim, producerTime) ??
      this.#decideUnknown(header.producerId, claim)
    )
  }

  /** A batch was not taken, whatever for: where nothing says yet which sequence comes next, it does. */
  awaitRetry(header: BatchHeader, producerTime: number): void {
    const { producerId } = header
    const claim = claimOf(header)
    if (this.#decideKnown(producerId, claim, producerTime) !== null) return
    const awaited = this.#awaited.get(producerId)
    if (awaited?.epoch === claim.epoch && !isBehind(awaited, claim)) return
    this.#awaited.delete(producerId)
    if (this.#awaited.size >= awaitedMax) this.#awaited.delete(this.#awaited.keys().next().value!)
    this.#awaited.set(producerId, claim)
  }

  /** Takes a batch in without judging it: it was judged, or it is read back. */
  stage(header: BatchHeader, producerTime: number): ProducerChange {
    const { producerId } = header
    const { epoch, firstSequence, lastSequence } = claimOf(header)
    const known = this.#known(producerId)
    const isNext = known?.epoch === epoch && nextSequence(known) === firstSequence
    const kept = isNext ? known.batches.slice(1 - batchesKeptMax) : []
    const batches = [...kept, { firstSequence, lastSequence, baseOffset: -1 }]
    const before = this.#staged.get(producerId)
    const after = { epoch, heardAt: producerTime, batches }
    this.#staged.set(producerId, after)
    this.#awaited.delete(producerId)
    return { table: this, producerId, before, after }
  }

  /** The last change first. */
  undo({ producerId, before }: ProducerChange): void {
    if (before === undefined) this.#staged.delete(producerId)
    else this.#staged.set(producerId, before)
  }

  publish({ producerId, after }: ProducerChange): void {
    if (this.#retired) return
    this.#hide(producerId)
    this.#show(producerId, after)
    if (this.#staged.get(producerId) === after) this.#staged.delete(producerId)
    this.expire(after.heardAt)
  }

  /** Forgets who was silent too long, and whoever is too many. */
  expire(producerTime: number): void {
    for (const [producerId, state] of this.#visible) {
      if (!this.#hasTooMany && !this.#isExpired(state, producerTime)) return
      this.#hide(producerId)
    }
  }

  /** Of a partition that is deleted: nobody counts its producers any more. */
  retire(): void {
    for (const producerId of this.#visible.keys()) this.#hide(producerId)
    this.#retired = true
  }

  /** As they are now, whenever they are read: rows of ten thousand producers take longer than one turn should. */
  get rows(): Iterable<ProducerRow> {
    const ids = [...this.#visible.keys()]
    const states = [...this.#visible.values()]
    return {
      *[Symbol.iterator]() {
        for (let index = 0; index < ids.length; index++) yield rowOf(ids[index]!, states[index]!)
      },
    }
  }

  get #hasTooMany(): boolean {
    const { producersPerPartitionMax, producersMax, producerCensus } = this.#context
    const { size } = this.#visible
    if (size > producersPerPartitionMax) return true
    return producerCensus.producers > producersMax && size > producerCensus.share(producersMax)
  }

  #show(producerId: number, state: ProducerState): void {
    const { producerCensus } = this.#context
    this.#visible.set(producerId, state)
    producerCensus.producers++
    if (this.#visible.size === 1) producerCensus.tables++
  }

  #hide(producerId: number): void {
    const { producerCensus } = this.#context
    if (!this.#visible.delete(producerId)) return
    producerCensus.producers--
    if (this.#visible.size === 0) producerCensus.tables--
  }

  /** null: of this producer any sequence may come. */
  #decideKnown(producerId: number, claim: Claim, producerTime: number): ProducerVerdict | null {
    const known = this.#known(producerId)
    if (known === undefined) return null
    const verdict = decideSequence(known, claim)
    return verdict.kind === 'out_of_order' && this.#isExpired(known, producerTime) ? null : verdict
  }

  #decideUnknown(producerId: number, claim: Claim): ProducerVerdict {
    const awaited = this.#awaited.get(producerId)
    if (awaited?.epoch !== claim.epoch || !isBehind(claim, awaited)) return isNew
    return { kind: 'out_of_order', expected: awaited.firstSequence }
  }

  #known(producerId: number): ProducerState | undefined {
    return this.#staged.get(producerId) ?? this.#visible.get(producerId)
  }

  #isExpired({ heardAt }: ProducerState, producerTime: number): boolean {
    return producerTime - heardAt > this.#context.producerExpiryMs
  }
}

function decideSequence(known: ProducerState, claim: Claim): ProducerVerdict {
  const { epoch, firstSequence, lastSequence } = claim
  if (epoch < known.epoch) return { kind: 'fenced', epoch: known.epoch }
  const isNewEpoch = epoch > known.epoch
  for (const batch of isNewEpoch ? [] : known.batches) {
    if (batch.firstSequence === firstSequence && batch.lastSequence === lastSequence)
      return { kind: 'duplicate', of: batch }
  }
  const expected = isNewEpoch ? 0 : nextSequence(known)
  return firstSequence === expected ? isNew : { kind: 'out_of_order', expected }
}

/** Sequences go round, so half of them lie behind any other: `2 is behind 2^31-1`. */
function isBehind({ firstSequence }: Awaited, other: Awaited): boolean {
  const distance = (firstSequence - other.firstSequence + sequencesCount) % sequencesCount
  return distance > 0 && distance < sequencesCount / 2
}

function nextSequence({ batches }: ProducerState): number {
  return (batches.at(-1)!.lastSequence + 1) % sequencesCount
}

function claimOf({ producerEpoch, baseSequence, baseOffset, lastOffset }: BatchHeader): Claim {
  const lastSequence = (baseSequence + lastOffset - baseOffset) % sequencesCount
  return { epoch: producerEpoch, firstSequence: baseSequence, lastSequence }
}

/** Without the batches that have offsets in one of these ranges: of a producer with no other, nothing is known. */
export function rowsOutside(rows: Iterable<ProducerRow>, ranges: readonly OffsetRange[]): ProducerRow[] {
  return [...rows].flatMap((row) => {
    const kept = stateOf(row).batches.filter((batch) => !ranges.some((range) => overlaps(batch, range)))
    const numbers = kept.flatMap((batch) => [batch.firstSequence, batch.lastSequence, batch.baseOffset])
    return kept.length === 0 ? [] : [[...row.slice(0, 3), ...numbers]]
  })
}

function overlaps({ firstSequence, lastSequence, baseOffset }: ProducerBatch, { from, until }: OffsetRange) {
  const count = ((lastSequence - firstSequence + sequencesCount) % sequencesCount) + 1
  return baseOffset < until && baseOffset + count > from
}

function rowOf(producerId: number, { epoch, heardAt, batches }: ProducerState): ProducerRow {
  const row = [producerId, epoch, heardAt]
  for (const batch of batches) row.push(batch.firstSequence, batch.lastSequence, batch.baseOffset)
  return row
}

function stateOf([, epoch, heardAt, ...numbers]: ProducerRow): ProducerState {
  const batches: ProducerBatch[] = []
  for (let at = 0; at < numbers.length; at += 3) {
    batches.push({
      firstSequence: numbers[at]!,
      lastSequence: numbers[at + 1]!,
      baseOffset: numbers[at + 2]!,
    })
  }
  return { epoch: epoch!, heardAt: heardAt!, batches }
}
