// Appends from the moment they are taken in until they are answered: those that wait for a frame stand here in the order in
// which they came; the bytes of all of them are bounded.
import { assert, BrokerError, formatSize } from '#base'
import type { Appended, AppendOptions } from '../api.ts'
import type { LogContext } from '../options.ts'
import { frameHeaderSizeBytes } from '../wal/frame.ts'
import { type AnyEntry, entrySizeBytes, type PendingAppend } from './append.ts'

export class AppendQueue {
  readonly #context: LogContext
  /** Called for every append that is refused, whoever refuses it. */
  readonly #noteRefused: (entries: readonly AnyEntry[]) => void
  #appends: PendingAppend[] = []
  #sizeBytes = 0
  /** Of those that wait, appends that do not wait for the sync in flight. */
  #hastyCount = 0
  /** Of all that are not answered, in frames or not. */
  pendingBytes = 0

  constructor(context: LogContext, noteRefused: (entries: readonly AnyEntry[]) => void) {
    this.#context = context
    this.#noteRefused = noteRefused
  }

  get first(): PendingAppend | undefined {
    return this.#appends[0]
  }

  get isEmpty(): boolean {
    return this.#appends.length === 0
  }

  /** Whether somebody in it does not wait for the sync in flight. */
  get isHasty(): boolean {
    return this.#hastyCount > 0
  }

  /** Whether so much waits that it is written although a sync is in flight. */
  get isLong(): boolean {
    return this.#sizeBytes >= this.#context.writeAheadBytes
  }

  /** Takes an append in. Rejects it at once, with `too_large` or `busy`, when it is beyond the limits. */
  add(entries: readonly AnyEntry[], options: AppendOptions): Promise<Appended> {
    assert(entries.length > 0, 'an append has an entry')
    let sizeBytes = 0
    let hasControls = false
    let hasRecords = false
    for (const entry of entries) {
      sizeBytes += entrySizeBytes(entry)
      if (entry.kind === 'batch') hasRecords = true
      else hasControls = true
    }
    const refusal = this.#refusal(sizeBytes)
    if (refusal !== null) {
      this.#noteRefused(entries)
      return Promise.reject(refusal)
    }
    const acknowledge = hasControls ? 'synced' : (options.acknowledge ?? 'synced')
    this.pendingBytes += sizeBytes
    this.#sizeBytes += sizeBytes
    if (acknowledge === 'written') this.#hastyCount++
    return new Promise((resolve, reject) => {
      this.#appends.push({
        entries,
        sizeBytes,
        hasControls,
        useReserve: !hasRecords || options.useReserve === true,
        acknowledge,
        syncWithinMs: options.syncWithinMs ?? 0,
        sinceMs: this.#context.clock.monotonic(),
        resolve,
        reject,
        offsets: [],
        appended: null,
      })
    })
  }

  /** As many as one frame takes; an append with controls travels alone. */
  take(): PendingAppend[] {
    const appends = this.#appends
    const first = appends[0]
    if (first === undefined) return []
    let count = 1
    let sizeBytes = first.sizeBytes
    while (!first.hasControls && count < appends.length) {
      const append = appends[count]!
      if (append.hasControls || sizeBytes + append.sizeBytes > this.#context.groupBytesMax) break
      sizeBytes += append.sizeBytes
      count++
    }
    const taken = count === appends.length ? appends : appends.splice(0, count)
    if (taken === appends) this.#appends = []
    for (const { acknowledge } of taken) if (acknowledge === 'written') this.#hastyCount--
    this.#sizeBytes -= sizeBytes
    return taken
  }

  resolve(append: PendingAppend): void {
    this.pendingBytes -= append.sizeBytes
    append.resolve(append.appended!)
  }

  reject(appends: readonly PendingAppend[], error: Error): void {
    for (const append of appends) {
      this.pendingBytes -= append.sizeBytes
      this.#noteRefused(append.entries)
      append.reject(error)
    }
  }

  /** Of those that wait. */
  rejectAll(error: Error): void {
    const appends = this.#appends
    this.#appends = []
    this.#sizeBytes = 0
    this.#hastyCount = 0
    this.reject(appends, error)
  }

  #refusal(sizeBytes: number): BrokerError | null {
    const { appendBytesMax, pendingBytesMax } = this.#context
    if (sizeBytes + frameHeaderSizeBytes > appendBytesMax) {
      return new BrokerError('too_large', `an append may have ${formatSize(appendBytesMax)}`, {
        fix: 'send fewer or smaller records at once',
        details: { limitBytes: appendBytesMax, sizeBytes },
      })
    }
    if (this.pendingBytes > 0 && this.pendingBytes + sizeBytes > pendingBytesMax) {
      return new BrokerError('busy', `${formatSize(this.pendingBytes)} wait to be written`, {
        fix: 'wait for acknowledgements before sending more',
      })
    }
    return null
  }
}
