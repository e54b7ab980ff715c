// Runs an app without a disk, a network or a clock: records go into a log in memory, time passes when told to, and the
// app can be stopped dead at any of the named points and started again. One seed fixes everything else.
import {
  BrokerError,
  type Duration,
  type Logger,
  parseDuration,
  type Random,
  realClock,
  seededRandom,
  silentLogger,
  sleep,
  toError,
} from '#base'
import { partitionOf } from '#broker'
import type { RunningStatus } from '../api.ts'
import type { App } from '../app.ts'
import type { Rebuild } from '../change/settle.ts'
import { type AppRun, openApp } from '../running-app.ts'
import { GeneratorFeed } from '../runtime/generator-feed.ts'
import type { RuntimeLimits } from '../runtime/limits.ts'
import { PartitionFeed } from '../runtime/partition-feed.ts'
import { MemoryStore } from '../state/memory-store.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Stream } from '../stream.ts'
import type { RowAnswer, RowChoice, TableInfo, TableRow } from '../tables/table-question.ts'
import type { PartitionTime } from '../time/watermark.ts'
import type { SinkTopic, SourceTopic } from '../topic.ts'
import { type CrashPoint, crashPoints } from './crash-point.ts'
import { MemoryLog } from './memory-log.ts'
import { RecordSender } from './record-sender.ts'
import { KeptStore, notCrashing, Session } from './session.ts'
import { type Taps, tapsOf } from './taps.ts'
import { VirtualClock } from './virtual-clock.ts'

export type HarnessOptions = {
  /** Fixes how records are batched and how tasks interleave. Default 1. */
  readonly seed?: number
  /** Where the wall clock stands at first, in milliseconds since 1970. */
  readonly now?: number
  readonly logger?: Logger
  /** A state store per task; it stays over restarts. Default: in memory. */
  readonly openStore?: (task: string) => StateStore
  /** Goes on with the log of another harness: another version of the app, for example. */
  readonly log?: MemoryLog
  /** What is to be computed anew although the log has state of it, as `pspf app deploy --replace` says it. */
  readonly rebuild?: Rebuild
  /** Bounds of the runtime: small ones let commits be cut everywhere. Stores take each commit at once, unless said. */
  readonly limits?: Partial<RuntimeLimits>
}

export type SendOptions = {
  readonly partition?: number
  readonly key?: string
  /** The record's own timestamp. Default: the value's event time, else the wall clock. */
  readonly timestamp?: number
}

type TimeChange = {
  readonly topic: string
  readonly partition: number
  readonly change: (t: PartitionTime) => void
}
type Operation =
  | { readonly kind: 'append'; readonly act: () => void }
  | ({ readonly kind: 'time' } & TimeChange)

/** Few, so that tests go over the border between two answers. */
const rowsPerAnswer = 7
/** Microtasks after which everything that can go on by itself has. */
const turnsMax = 60
/** Rounds of microtasks without a request to the log after which an app is at rest. */
const quietRoundsMax = 5
/** Rounds of the event loop that a user's own asynchronous code may take. */
const outsideRoundsMax = 20

/** @example const t = await harness(shop, { seed: 7 }) */
export async function harness(app: App, options: HarnessOptions = {}): Promise<Harness> {
  const made = new Harness(app, options)
  await made.restart()
  return made
}

export class Harness {
  readonly clock: VirtualClock
  readonly log: MemoryLog
  readonly #app: App
  readonly #options: HarnessOptions
  readonly #random: Random
  readonly #sender: RecordSender
  readonly #stores = new Map<string, KeptStore>()
  readonly #taken = new Map<string, number>()
  readonly #taps: Taps
  #operations: Operation[] = []
  #session: Session
  #run: AppRun | null = null
  #failure: Error | null = null

  /** Use `harness(app)`. */
  constructor(app: App, options: HarnessOptions) {
    this.#app = app
    this.#options = options
    this.#random = seededRandom(options.seed ?? 1)
    this.clock = new VirtualClock(options.now ?? 0)
    this.log = options.log ?? new MemoryLog(this.clock, this.#random)
    this.#sender = new RecordSender(this.log, this.#random)
    this.#session = this.#newSession()
    this.#taps = tapsOf(app)
  }

  /** Appends a record, after everything that was asked for before. */
  send<V>(topic: SinkTopic<V>, value: V, options: SendOptions = {}): void {
    const { settings } = topic
    const key = options.key ?? settings.key?.of(value)
    const timestamp = options.timestamp ?? settings.time?.at?.(value) ?? this.clock.now()
    const text = JSON.stringify(value)
    this.sendRaw(topic, text, {
      ...(key === undefined || key === null ? {} : { key: String(key) }),
      ...(options.partition === undefined ? {} : { partition: options.partition }),
      timestamp: Number.isSafeInteger(timestamp) ? timestamp : this.clock.now(),
    })
  }

  /** Appends any text, or null, as a value. */
  sendRaw(topic: SinkTopic<never>, text: string | null, options: SendOptions = {}): void {
    this.sendBytes(topic, text === null ? null : Buffer.from(text), options)
  }

  /** Appends any bytes as a value. */
  sendBytes(topic: SinkTopic<never>, value: Uint8Array | null, options: SendOptions = {}): void {
    const key = options.key === undefined ? null : Buffer.from(options.key)
    const timestamp = options.timestamp ?? this.clock.now()
    this.#operations.push({
      kind: 'append',
      act: () => {
        const partitions = this.log.partitionsOf(topic.name)
        const chosen = key === null ? this.#random.below(partitions) : partitionOf(key, partitions)
        const record = { key, value, timestamp }
        this.#sender.send(topic.name, options.partition ?? chosen, record)
      },
    })
  }

  /** Claims that no further record before that time will come. Records sent before are processed before. */
  watermark(topic: SinkTopic<never>, time: Duration | number, partition?: number): void {
    const to = typeof time === 'number' ? time : parseDuration(time)
    this.#time(topic, partition, (input) => input.raise(to))
  }

  /** The partition is silent, as if for longer than `idleAfter`. */
  idle(topic: SinkTopic<never>, partition?: number): void {
    this.#time(topic, partition, (input) => input.idle())
  }

  /** Nothing will come any more. */
  finish(topic: SinkTopic<never>, partition?: number): void {
    this.#time(topic, partition, (input) => input.finish())
  }

  /** Appends what was sent, although the app may not run. */
  flush(): void {
    for (const operation of this.#operations) if (operation.kind === 'append') operation.act()
    this.#operations = this.#operations.filter(({ kind }) => kind === 'time')
    this.#sender.flush()
  }

  /** Rows of a stream or records of a topic that were committed since they were last taken. */
  async take<V>(from: Stream<V> | SourceTopic<V>): Promise<V[]> {
    await this.settle()
    const topic = 'settings' in from ? from.name : this.#taps.topicOf.get(from.node)
    if (topic === undefined) {
      throw new BrokerError(
        'invalid_request',
        'only topics, windows, aggregates and ends of streams can be taken',
        {
          fix: 'end the stream with .to(topic) and take the topic',
        },
      )
    }
    const rows: V[] = []
    for (let partition = 0; partition < this.log.partitionsOf(topic); partition++) {
      const key = `${topic}/${partition}`
      for (const { value } of this.log.records(topic, partition, this.#taken.get(key) ?? 0)) {
        rows.push(value === null ? (null as V) : JSON.parse(new TextDecoder().decode(value)))
      }
      this.#taken.set(key, this.log.endOf(topic, partition))
    }
    return rows
  }

  /** What the app keeps, as `pspf table list` shows it. */
  tables(): readonly TableInfo[] {
    return this.#running().tables.list()
  }

  /** Rows of the state of a node, as committed: what `pspf table get` shows. */
  async rows(node: string, choice: RowChoice = {}): Promise<TableRow[]> {
    await this.settle()
    const rows: TableRow[] = []
    const question = { ...choice, t: 'rows', node, limit: rowsPerAnswer, waitMs: 0 } as const
    for (let next: string | null = ''; next !== null; ) {
      const cursor = next === '' ? {} : { cursor: next }
      const answer: RowAnswer = await this.#running().tables.rows({ ...question, ...cursor })
      rows.push(...answer.rows)
      next = answer.next
    }
    return rows
  }

  /** Lets wall-clock time pass, with everything that becomes due in it. */
  async advanceWallClock(by: Duration): Promise<void> {
    await this.settle()
    const end = this.clock.now() + parseDuration(by)
    for (let due = this.clock.nextDue(end); due !== null; due = this.clock.nextDue(end)) {
      this.clock.moveTo(due)
      await this.settle()
    }
    this.clock.moveTo(end)
    await this.settle()
  }

  status(): RunningStatus {
    return this.#running().status()
  }

  async pause(): Promise<void> {
    const paused = this.#running().pause()
    await this.#serveUntil(paused)
  }

  resume(): void {
    this.#running().resume()
  }

  /** Stops in an orderly way. */
  async stop(): Promise<void> {
    await this.settle()
    await this.#serveUntil(this.#running().stop())
    this.#run = null
  }

  /** Runs until that point is reached, and stops dead there. False: it was not reached; then it stops dead at rest. */
  async crashAt(point: CrashPoint): Promise<boolean> {
    if (!crashPoints.includes(point)) throw notCrashing(point)
    this.#session.armed = point
    await this.settle()
    const reached = this.#session.dead
    this.#session.die()
    for (const store of this.#stores.values()) {
      if (point === 'store-foreign') store.estrange()
      if (point === 'store-corrupt') store.damage()
    }
    return reached || point === 'store-foreign' || point === 'store-corrupt'
  }

  /** Starts the app again on the same log and the same stores. */
  async restart(): Promise<void> {
    this.#session.die()
    this.clock.clear()
    this.#session = this.#newSession()
    const session = this.#session
    this.#failure = null
    this.#run = null
    const opening = openApp(this.#app, {
      port: session.port,
      clock: this.clock,
      random: this.#random,
      logger: this.#options.logger ?? silentLogger,
      readSlice: this.log.readSlice,
      limits: { applyMutationsMax: 1, ...this.#options.limits },
      openStore: (task) => session.store(this.#store(task)),
      taps: this.#taps.nodes,
      rebuild: this.#options.rebuild,
    })
    const run = await this.#serveUntil(opening)
    run.done.catch((thrown: unknown) => {
      if (session === this.#session) this.#failure = toError(thrown)
    })
    this.#run = run
  }

  /** Works until nothing is left to do without new records or more time. Throws what made the app fail. */
  async settle(): Promise<void> {
    for (;;) {
      const operation = this.#operations[0]
      if (operation?.kind === 'append') {
        this.#operations.shift()
        operation.act()
        continue
      }
      this.#sender.flush()
      await this.#serve()
      if (this.#session.dead) return
      if (this.#failure !== null) throw this.#failure
      if (operation === undefined) return
      for (const feed of this.#feedsOf(operation)) feed.askTime(operation.change)
      for (const { task } of this.#running().runners) task.wake()
      await this.#serve()
      // Unless it is in a commit now, it is asked for again in the next life.
      if (this.#session.dead) return
      this.#operations.shift()
    }
  }

  async #serve(): Promise<void> {
    for (let quiet = 0; quiet < (this.#isOutside() ? outsideRoundsMax : quietRoundsMax); ) {
      await microtasks()
      if (this.#session.dead) return
      if (this.#session.serveOne()) quiet = 0
      else {
        quiet++
        // Only a user's own asynchronous code still needs the event loop.
        await (this.#isOutside() ? sleep(realClock(), 0) : microtasks())
      }
    }
  }

  async #serveUntil<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const done = () => {
      settled = true
    }
    promise.then(done, done)
    while (!settled) {
      await microtasks()
      if (!this.#session.serveOne() && !settled) await sleep(realClock(), 0)
    }
    return promise
  }

  #isOutside(): boolean {
    if (this.#run?.runners.some(({ task }) => task.outside)) return true
    const feeds = this.#run?.runners.flatMap(({ task }) => task.feeds) ?? []
    return feeds.some((feed) => feed instanceof GeneratorFeed && feed.outside)
  }

  #running(): AppRun {
    if (this.#run !== null) return this.#run
    throw new BrokerError('closed', 'the app does not run', { fix: 'await t.restart()' })
  }

  #newSession(): Session {
    return new Session({ log: this.log, clock: this.clock, random: this.#random })
  }

  #store(task: string): KeptStore {
    let store = this.#stores.get(task)
    if (store === undefined) {
      store = new KeptStore(this.#options.openStore?.(task) ?? new MemoryStore())
      this.#stores.set(task, store)
    }
    return store
  }

  #time(topic: SinkTopic<never>, partition: number | undefined, change: TimeChange['change']): void {
    const partitions = partition === undefined ? this.log.partitionsOf(topic.name) : 1
    for (let index = 0; index < partitions; index++) {
      const claim = { topic: topic.name, partition: partition ?? index, change }
      this.#operations.push({ kind: 'time', ...claim })
    }
  }

  /** Each generation of the app has one of its own. */
  #feedsOf({ topic, partition }: TimeChange): PartitionFeed[] {
    const feeds = this.#running().runners.flatMap(({ task }) => task.feeds)
    return feeds.filter((feed): feed is PartitionFeed => {
      if (!(feed instanceof PartitionFeed)) return false
      const { input } = feed
      return input.topic === topic && input.partition === partition && input.of === undefined
    })
  }
}

async function microtasks(): Promise<void> {
  for (let turn = 0; turn < turnsMax; turn++) await undefined
}
