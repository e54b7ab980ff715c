// A source of the app at work: calls the user's `read`, hands its chunks to the task one at a time, and keeps the cursor
// in the task's state. The next chunk is asked for when the one before is in a commit to be, so a fast source waits for
// the log and not the other way round.
import { asMillis, asOffset, BrokerError, type Clock, type Millis, sleep, toError } from '#base'
import type { ErrorPolicy } from '../error-policy.ts'
import type { GeneratorNode } from '../graph/node.ts'
import type { SourceChunk, SourceContext } from '../source.ts'
import { cursorKey, decodeValue, encodeValue } from '../state/state-key.ts'
import type { Mutation, StateStore } from '../state/state-store.ts'
import type { Feed } from './feed.ts'
import type { Emit, TaskContext } from './task-context.ts'

export type GeneratorFeedOptions = {
  readonly node: GeneratorNode
  readonly context: TaskContext
  readonly clock: Clock
  readonly store: StateStore
  readonly onError: ErrorPolicy
  readonly emit: () => Emit
  readonly wake: () => void
}

/** What a commit holds of a source. */
type StoredCursor = { readonly cursor: unknown; readonly ended: boolean; readonly rows: number }
type Offer = { readonly chunk: SourceChunk<unknown, unknown> | 'end'; readonly taken: () => void }

export class GeneratorFeed implements Feed {
  readonly #options: GeneratorFeedOptions
  readonly #stopping = new AbortController()
  #stored: StoredCursor
  #changed = false
  #offer: Offer | null = null
  #running = false
  #reading = false
  #waiting = 0
  #failure: Error | null = null

  constructor(options: GeneratorFeedOptions) {
    this.#options = options
    const { store, node } = options
    const stored = store.get(cursorKey(node.name))
    this.#stored =
      stored === null
        ? { cursor: node.settings.start, ended: false, rows: 0 }
        : (decodeValue(stored, node.name) as StoredCursor)
  }

  get ready(): boolean {
    return this.#offer !== null || this.#failure !== null
  }

  /** The user's `read` is at something that neither the task nor the clock knows of. */
  get outside(): boolean {
    return this.#reading && this.#waiting === 0
  }

  get silentMs(): number {
    return Infinity
  }

  prefetch(): void {
    if (this.#running || this.#stored.ended) return
    this.#running = true
    this.#drive().catch((thrown: unknown) => {
      this.#failure = toError(thrown)
      this.#options.wake()
    })
  }

  run(): number {
    const { context, node } = this.#options
    context.node = node.name
    context.record.topic = node.settings.to.name
    context.record.partition = 0
    context.record.offset = this.#stored.rows
    context.record.key = () => null
    context.record.value = () => null
    context.record.headers = () => []
    context.record.timestamp = () => Math.floor(this.#options.clock.now())
    if (this.#failure !== null) throw this.#failure
    const offer = this.#offer
    if (offer === null) return 0
    this.#offer = null
    const { chunk } = offer
    const rows = chunk === 'end' ? [] : chunk.rows
    const emit = this.#options.emit()
    const counters = context.counters.get(node.name)!
    for (const row of rows) {
      counters.recordsIn++
      context.attempt(emit, row, this.#timeOf(row), undefined)
    }
    const cursor = chunk === 'end' || chunk.cursor === undefined ? this.#stored.cursor : chunk.cursor
    this.#stored = { cursor, ended: chunk === 'end', rows: this.#stored.rows + rows.length }
    this.#changed = true
    context.touched = true
    offer.taken()
    return rows.length
  }

  collect(into: Mutation[]): void {
    if (!this.#changed) return
    this.#changed = false
    into.push({ key: cursorKey(this.#options.node.name), value: encodeValue(this.#stored) })
  }

  /** It reads no topic. */
  get input(): null {
    return null
  }

  status(): ReturnType<Feed['status']> {
    const topic = this.#options.node.settings.to.name
    return { topic, partition: 0, position: asOffset(this.#stored.rows), lag: 0, watermark: null }
  }

  stop(): void {
    this.#stopping.abort()
  }

  async #drive(): Promise<void> {
    const { clock, node, onError } = this.#options
    const { everyMs } = node.settings
    const { signal } = this.#stopping
    let due = clock.monotonic()
    while (!signal.aborted) {
      this.#reading = true
      try {
        await this.#readOnce()
      } catch (thrown) {
        // Only what is tried again anyway may be skipped.
        if (onError === 'fail' || everyMs === null) throw thrown
        this.#options.context.drop(node.name, 'read failed', toError(thrown))
      }
      this.#reading = false
      if (everyMs === null) {
        if (!signal.aborted) await this.#hand('end')
        return
      }
      // A tick that was missed is not made up for.
      due = Math.max(due + everyMs, clock.monotonic())
      // Time goes on between two looks at the clock.
      await sleep(clock, Math.max(0, due - clock.monotonic()), signal)
    }
  }

  async #readOnce(): Promise<void> {
    const { settings, name } = this.#options.node
    const answer: unknown = await settings.read(this.#context())
    if (Array.isArray(answer) || isChunk(answer)) return this.#hand(asChunk(answer))
    if (!isIterable(answer)) {
      throw new BrokerError('app_failed', `source "${name}" answered neither rows nor a generator of them`, {
        fix: 'answer an array of rows, { rows, cursor }, or yield those',
      })
    }
    for await (const part of answer) {
      if (this.#stopping.signal.aborted) return
      await this.#hand(asChunk(part))
    }
  }

  /** Resolves when the task has taken it, never if the task has stopped. */
  #hand(chunk: Offer['chunk']): Promise<void> {
    this.#reading = false
    return new Promise((resolve) => {
      const taken = () => {
        this.#reading = true
        resolve()
      }
      this.#offer = { chunk, taken }
      this.#options.wake()
    })
  }

  #context(): SourceContext<unknown> {
    const { clock } = this.#options
    const { signal } = this.#stopping
    const began = clock.monotonic()
    return {
      cursor: this.#stored.cursor,
      get now(): Millis {
        return asMillis(clock.now())
      },
      get elapsedMs(): number {
        return clock.monotonic() - began
      },
      signal,
      wait: async (delayMs) => {
        this.#waiting++
        await sleep(clock, Math.max(0, delayMs), signal)
        this.#waiting--
      },
    }
  }

  #timeOf(row: unknown): number {
    const { node, clock } = this.#options
    const at = node.settings.to.time?.at?.(row) ?? Math.floor(clock.now())
    if (Number.isSafeInteger(at)) return at
    throw new BrokerError('app_failed', `source "${node.name}" made a row whose time is ${String(at)}`)
  }
}

function isChunk(answer: unknown): answer is SourceChunk<unknown, unknown> {
  return typeof answer === 'object' && answer !== null && Array.isArray((answer as { rows?: unknown }).rows)
}

function asChunk(part: unknown): SourceChunk<unknown, unknown> {
  if (Array.isArray(part)) return { rows: part }
  if (isChunk(part)) return part
  throw new BrokerError('app_failed', 'a source yielded neither rows nor { rows, cursor }')
}

type AnyIterable = Iterable<unknown> | AsyncIterable<unknown>

function isIterable(answer: unknown): answer is AnyIterable {
  if (typeof answer !== 'object' || answer === null) return false
  return Symbol.asyncIterator in answer || Symbol.iterator in answer
}
