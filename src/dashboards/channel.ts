// One channel: a source on one side, its viewers on the other. Everybody who is up to date receives the same encoded
// frame; whoever is not (just came, came back, was too slow) waits here until it has been given a snapshot or the deltas
// it missed. In between nothing is published, so the first frame that follows is the next one in the sequence.
import type { BrokerError, Clock, Timer } from '#base'
import type { ChannelSource } from './channel-source.ts'
import type { LiveLimits } from './limits.ts'
import type { ServerMessage } from './live.ts'
import type { Viewer } from './viewer.ts'

export type Resume = { readonly epoch: string; readonly seq: number }

export type ChannelOptions = {
  readonly name: string
  readonly source: ChannelSource
  readonly clock: Clock
  readonly limits: LiveLimits
  /** To every viewer that is subscribed, as one frame. */
  publish(channel: string, text: string): void
  count(what: 'frames' | 'snapshots' | 'resumes'): void
}

/** A delta leads from the state at `after` to the state at `seq`. */
type Delta = { readonly seq: number; readonly text: string }

export class Channel {
  readonly name: string
  readonly #options: ChannelOptions
  #source: ChannelSource
  /** Up to date: they receive what is published. */
  readonly #live = new Set<Viewer>()
  /** To be given a snapshot, or what they missed. */
  readonly #waiting = new Map<Viewer, Resume | null>()
  #generation = 0
  /** Where this generation began. What a viewer saw up to here, it may have seen of another. */
  #startSeq = 0
  #deltas: Delta[] = []
  #deltasSize = 0
  /** The state before the first of the deltas that are kept. */
  #deltasAfter = 0
  /** As of the last flush: the state to which the next delta applies. */
  #snapshot: string | null = null
  #flushedAt = Number.NEGATIVE_INFINITY
  #timer: Timer | null = null
  #failure: string | null = null
  #stopped = false
  readonly #whenShown = new Set<() => void>()

  constructor(options: ChannelOptions) {
    this.name = options.name
    this.#options = options
    this.#source = options.source
  }

  get viewers(): number {
    return this.#live.size + this.#waiting.size
  }

  get source(): ChannelSource {
    return this.#source
  }

  start(): void {
    const source = this.#source
    const isMine = () => !this.#stopped && this.#source === source
    source.start({
      changed: () => {
        if (isMine()) this.#requestFlush()
      },
      failed: (error) => {
        if (isMine()) this.#fail(error)
      },
    })
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#source.stop()
  }

  /** Another definition of the same thing: its viewers stay, and get a snapshot when it is ready. */
  replaceSource(source: ChannelSource): void {
    this.#source.stop()
    this.#source = source
    // No generation of the new source is the one shown now.
    this.#generation = Number.NaN
    this.start()
  }

  join(viewer: Viewer, resume: Resume | null): void {
    this.#leaveLive(viewer)
    this.#waiting.set(viewer, resume)
    if (this.#failure !== null) viewer.socket.send(this.#failure)
    this.welcome(viewer)
  }

  leave(viewer: Viewer): void {
    this.#leaveLive(viewer)
    this.#waiting.delete(viewer)
  }

  /** Gives a waiting viewer what brings it up to date, now or with the next flush; not while it has much unsent. */
  welcome(viewer: Viewer): void {
    if (!this.#waiting.has(viewer)) return
    // A snapshot is of the moment of a flush: the next delta leads on from there, and from nowhere else.
    if (this.#snapshot === null || this.#isNewGeneration()) this.#requestFlush()
    else this.#give(viewer)
  }

  tell(error: BrokerError): void {
    const text = errorText(error, this.name)
    for (const viewer of [...this.#live, ...this.#waiting.keys()]) viewer.socket.send(text)
  }

  /** Resolves when there is something to show. */
  shown(): Promise<void> {
    if (this.#source.epoch !== null) return Promise.resolve()
    return new Promise((resolve) => this.#whenShown.add(resolve))
  }

  #fail(error: BrokerError): void {
    const text = errorText(error, this.name)
    if (text === this.#failure) return
    this.#failure = text
    this.tell(error)
  }

  /** At once if the last flush is long enough ago, else as soon as it is. Not for nobody: changes add up in the source. */
  #requestFlush(): void {
    if (this.#source.epoch !== null && this.#whenShown.size > 0) {
      for (const resolve of this.#whenShown) resolve()
      this.#whenShown.clear()
    }
    if (this.#timer !== null || this.viewers === 0 || this.#source.epoch === null) return
    const { clock, limits } = this.#options
    const waitMs = this.#flushedAt + limits.flushMs - clock.monotonic()
    if (waitMs <= 0) {
      this.#flush()
      return
    }
    this.#timer = clock.after(waitMs, () => {
      this.#timer = null
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#stopped || this.#source.epoch === null) return
    this.#flushedAt = this.#options.clock.monotonic()
    if (this.#isNewGeneration()) this.#begin()
    else this.#publishDelta()
    for (const viewer of [...this.#waiting.keys()]) this.#give(viewer)
  }

  #give(viewer: Viewer): void {
    const resume = this.#waiting.get(viewer)
    if (resume === undefined || viewer.backlogged) return
    const missed = resume === null ? null : this.#missedSince(resume)
    const texts = missed ?? [this.#snapshotText()]
    if (!texts.every((text) => viewer.socket.send(text))) return
    this.#options.count(missed ? 'resumes' : 'snapshots')
    this.#waiting.delete(viewer)
    this.#live.add(viewer)
    viewer.socket.subscribe(this.name)
  }

  #isNewGeneration(): boolean {
    return this.#generation !== this.#source.generation
  }

  #begin(): void {
    this.#generation = this.#source.generation
    this.#failure = null
    // What is pending is part of the snapshot.
    this.#source.takeDelta()
    this.#startSeq = this.#source.seq
    this.#deltas = []
    this.#deltasSize = 0
    this.#deltasAfter = this.#startSeq
    this.#snapshot = null
    if (this.#live.size > 0) this.#publish(this.#snapshotText())
  }

  #publishDelta(): void {
    const data = this.#source.takeDelta()
    if (!data) return
    this.#failure = null
    const { seq } = this.#source
    const text = JSON.stringify({ op: 'delta', ch: this.name, seq, data } satisfies ServerMessage)
    this.#snapshot = null
    this.#keep({ seq, text })
    if (this.#live.size > 0) this.#publish(text)
  }

  #publish(text: string): void {
    this.#options.count('frames')
    this.#options.publish(this.name, text)
  }

  #keep(delta: Delta): void {
    const { resumeDeltasMax, resumeSizeBytesMax } = this.#options.limits
    this.#deltas.push(delta)
    this.#deltasSize += delta.text.length
    while (this.#deltas.length > resumeDeltasMax || this.#deltasSize > resumeSizeBytesMax) {
      const dropped = this.#deltas.shift()
      if (!dropped) break
      this.#deltasSize -= dropped.text.length
      this.#deltasAfter = dropped.seq
    }
  }

  /** The deltas above the viewer's sequence, or null if they do not lead from what it has to what is. */
  #missedSince({ epoch, seq }: Resume): string[] | null {
    if (epoch !== this.#source.epoch) return null
    if (seq <= this.#startSeq || seq < this.#deltasAfter || seq > this.#source.seq) return null
    return this.#deltas.filter((delta) => delta.seq > seq).map(({ text }) => text)
  }

  #snapshotText(): string {
    const { epoch, seq } = this.#source
    this.#snapshot ??= JSON.stringify({
      op: 'snap',
      ch: this.name,
      epoch: epoch ?? '',
      seq,
      data: this.#source.snapshot(),
    } satisfies ServerMessage)
    return this.#snapshot
  }

  #leaveLive(viewer: Viewer): void {
    if (this.#live.delete(viewer)) viewer.socket.unsubscribe(this.name)
  }
}

export function errorText(error: BrokerError, channel?: string): string {
  const { code, message, fix } = error
  return JSON.stringify({
    op: 'error',
    ...(channel !== undefined && { ch: channel }),
    code,
    message,
    ...(fix !== undefined && { fix }),
  } satisfies ServerMessage)
}
