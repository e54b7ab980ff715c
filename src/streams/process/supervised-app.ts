// One app under supervision: its process, and what happens when that ends.
//
//   starting -> running <-> paused        stop: -> stopped
//       \          |
//        v         v                      a process that ends:
//      backing-off (waits, starts again) -> failed after too many quick failures; `resume` starts again
import { basename, extname, resolve } from 'node:path'
import {
  asMillis,
  BrokerError,
  type Clock,
  formatDuration,
  type LogFields,
  type Logger,
  processMemoryBytes,
  type Random,
  sleep,
  type Timer,
  toError,
} from '#base'
import type { AppState, AppStatus, GraphDescription, LogPort, RunningStatus } from '../api.ts'
import type { Rebuild } from '../change/settle.ts'
import type { TableAnswer, TableQuestion } from '../tables/table-question.ts'
import { type AppChild, type AppChildOptions, type Environment, spawnAppChild } from './app-child.ts'
import { AppQuestions } from './app-questions.ts'
import { type Failure, failureError } from './failure.ts'
import { MemoryWatch } from './memory-watch.ts'
import type { FromChild } from './message.ts'
import { decideRestart, noFailures, type SupervisionLimits } from './restart-policy.ts'

/** What runs: a file, and for one that was deployed its version and what that asked to be computed anew. */
export type AppProgram = {
  readonly file: string
  readonly version: number | null
  readonly rebuild: Rebuild | null
}

export type SupervisedAppOptions = {
  readonly program: AppProgram
  readonly dataDirectory: string
  readonly command: readonly string[]
  readonly environment: Environment
  readonly port: (signal: AbortSignal) => LogPort
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits: SupervisionLimits
  /** The file is loaded and says what it is. Answers why it may not run, or null. Asked again at each restart. */
  readonly declare: (app: string, extras: unknown) => Failure | null
  /** Whether somebody paused it. */
  readonly isPaused: (app: string) => Promise<boolean>
  readonly onChange: () => void
}

type Message = Exclude<FromChild, { t: 'call' | 'log' }>

export class SupervisedApp {
  #program: AppProgram
  /** Until the file is loaded, its name stands in. */
  id: string
  restarts = 0
  readonly #options: SupervisedAppOptions
  readonly #started = Promise.withResolvers<void>()
  readonly #questions: AppQuestions
  #state: AppState = 'starting'
  #child: AppChild | null = null
  /** The child runs the app, as opposed to having loaded it only. */
  #begun = false
  #graph: GraphDescription
  #status: RunningStatus | null = null
  #memoryBytes = 0
  /** What the app said last that it may have; null: the node's limit. */
  #memoryBytesMax: number | null = null
  #memoryWatch: MemoryWatch | null = null
  #error: Failure | null = null
  #killedFor: string | null = null
  /** The failure that the log holds in full. */
  #logged: Failure | null = null
  #count = noFailures
  /** Somebody paused it: whatever happens to its process, it stays so. */
  #wantsPause = false
  #startedAt = 0
  #spawnedAt = 0
  #heardAt = 0
  #restartTimer: Timer | null = null
  #watchTimer: Timer | null = null
  #pauseTimer: Timer | null = null
  #isHopeless = false

  constructor(options: SupervisedAppOptions) {
    this.#options = options
    this.#program = { ...options.program, file: resolve(options.program.file) }
    this.id = basename(this.file, extname(this.file))
    this.#graph = { app: this.id, nodes: [], edges: [], topics: [] }
    this.#questions = new AppQuestions(options.clock, () => this.id)
    // Whoever does not wait for the start must not end the node by it.
    this.#started.promise.catch(() => undefined)
  }

  get file(): string {
    return this.#program.file
  }

  get version(): number | null {
    return this.#program.version
  }

  /** Ends what runs, with everything committed, and starts the other program in its place; a paused app stays so. */
  async replace(program: AppProgram, between?: () => void): Promise<void> {
    const wasStopped = this.#state === 'stopped'
    await this.stop()
    between?.()
    this.#program = { ...program, file: resolve(program.file) }
    this.#count = noFailures
    this.#logged = null
    this.#error = null
    this.#status = null
    this.restarts = 0
    if (!wasStopped) this.#spawn()
  }

  /** Resolves when the app runs for the first time (or is known to be paused); rejects with its first failure. */
  async start(): Promise<void> {
    this.#spawn()
    await this.#started.promise
  }

  /** That it is paused is the caller's to remember (see `isPaused`). */
  pause(): void {
    if (this.#state === 'stopped') return
    this.#wantsPause = true
    if (this.#child === null) {
      this.#restartTimer?.cancel()
      this.#become('paused')
      return
    }
    this.#child.send({ t: 'pause' })
    const { clock, limits } = this.#options
    this.#pauseTimer?.cancel()
    this.#pauseTimer = clock.after(limits.pauseWithinMs, () => {
      if (this.#state !== 'paused')
        this.#kill(`the app did not pause within ${formatDuration(limits.pauseWithinMs)}`)
    })
  }

  /** Also starts what failed, waits for a restart, or was stopped. */
  resume(): void {
    this.#wantsPause = false
    this.#count = noFailures
    this.#logged = null
    this.#pauseTimer?.cancel()
    this.#restartTimer?.cancel()
    if (this.#child === null) this.#spawn()
    else if (this.#state === 'stopped') throw new BrokerError('conflict', `the app "${this.id}" is stopping`)
    else if (this.#begun) this.#child.send({ t: 'resume' })
    else if (this.#state === 'paused') this.#begin()
  }

  /** The process commits and closes; after `stopWithinMs` it is killed. */
  async stop(): Promise<void> {
    this.#restartTimer?.cancel()
    this.#pauseTimer?.cancel()
    const child = this.#child
    this.#started.reject(new BrokerError('closed', `the app "${this.id}" was stopped before it ran`))
    this.#become('stopped')
    if (child === null) return
    child.send({ t: 'stop' })
    const drained = new AbortController()
    const ended = child.ended.then(() => drained.abort())
    await Promise.race([ended, sleep(this.#options.clock, this.#options.limits.stopWithinMs, drained.signal)])
    if (!drained.signal.aborted) {
      this.#options.logger.warn({ app: this.id }, 'the app did not stop in time and is killed')
      child.kill()
    }
    await ended
  }

  /** About its state, which its process alone can read. `unreachable` while there is none. */
  async ask(question: TableQuestion, withinMs: number): Promise<TableAnswer> {
    const child = this.#child
    if (child === null || !this.#begun) {
      throw this.#state === 'paused'
        ? new BrokerError(
            'unreachable',
            `app "${this.id}" is paused and has not run since it was deployed or started: its state is not open`,
            { fix: `resume it, then ask again: pspf app resume ${this.id}` },
          )
        : new BrokerError(
            'unreachable',
            `app "${this.id}" is ${this.#state}: its state can be read while it runs`,
            { fix: `look why: pspf app describe ${this.id}` },
          )
    }
    return await this.#questions.ask((message) => child.send(message), question, withinMs)
  }

  status(): AppStatus {
    const isUp = this.#child !== null && this.#status !== null
    return {
      id: this.id,
      state: this.#state,
      file: this.file,
      version: this.version,
      graph: this.#graph,
      nodes: this.#status?.nodes ?? [],
      tasks: this.#status?.tasks ?? [],
      recordsPerSecond: isUp ? this.#status!.recordsPerSecond : 0,
      lag: this.#status?.lag ?? 0,
      memoryBytes: this.#child === null ? 0 : this.#memoryBytes,
      restarts: this.restarts,
      error: this.#silence() ?? this.#error,
      startedAt: this.#child === null ? null : asMillis(this.#startedAt),
    }
  }

  #spawn(): void {
    const { clock, logger, dataDirectory } = this.#options
    this.#begun = false
    this.#isHopeless = false
    this.#killedFor = null
    this.#startedAt = clock.now()
    this.#spawnedAt = this.#heardAt = clock.monotonic()
    this.#become('starting')
    const options: AppChildOptions = {
      command: this.#options.command,
      args: [this.file, resolve(dataDirectory)],
      environment: this.#options.environment,
      port: this.#options.port,
      clock,
      // Its name is known for sure only once the file is loaded, and what the app logs may name it too: given per line.
      logger,
      name: () => this.id,
      // A child speaks only after the spawn has returned.
      onMessage: (message) => this.#receive(child as AppChild, message),
    }
    const child = this.#tryToSpawn(options)
    if (child === null) return
    this.#child = child
    this.#watch()
    this.#memoryWatch = this.#watchMemory(child)
    void child.ended.then((failure) => this.#childEnded(child, failure))
  }

  #tryToSpawn(options: AppChildOptions): AppChild | null {
    try {
      return spawnAppChild(options)
    } catch (error) {
      this.#failed({ message: `the process of the app cannot be started: ${toError(error).message}` })
      return null
    }
  }

  #receive(child: AppChild, message: Message): void {
    if (child !== this.#child || this.#state === 'stopped') return
    this.#heardAt = this.#options.clock.monotonic()
    if (message.t === 'declare' && !this.#begun) void this.#declared(child, message)
    else if (message.t === 'status') this.#reported(message)
    else if (message.t === 'told' || message.t === 'untold') this.#questions.receive(message)
  }

  async #declared(child: AppChild, message: Extract<Message, { t: 'declare' }>): Promise<void> {
    const refusal = this.#options.declare(message.app, message.extras)
    if (refusal !== null) {
      this.#giveUp(refusal)
      return
    }
    this.id = message.app
    this.#memoryBytesMax = message.memoryBytesMax ?? null
    this.#graph = message.graph
    const paused = await this.#options.isPaused(message.app)
    if (child !== this.#child || this.#state !== 'starting') return
    if (!paused && !this.#wantsPause) {
      this.#begin()
      return
    }
    this.#wantsPause = true
    this.#become('paused')
    this.#started.resolve()
  }

  #begin(): void {
    this.#begun = true
    this.#child?.send({ t: 'begin', rebuild: this.#program.rebuild })
    this.#become('starting')
  }

  #reported({ status, memoryBytes }: Extract<Message, { t: 'status' }>): void {
    this.#memoryBytes = memoryBytes
    this.#memoryWatch?.judge(memoryBytes)
    if (status === null || this.#killedFor !== null) return
    this.#status = status
    this.#graph = status.graph
    if (status.state === 'running') this.#error = null
    if (status.state === 'running' || status.state === 'paused') this.#started.resolve()
    this.#become(status.state)
  }

  #childEnded(child: AppChild, failure: Failure | null): void {
    if (child !== this.#child) return
    this.#child = null
    this.#questions.drop()
    this.#watchTimer?.cancel()
    this.#memoryWatch?.cancel()
    this.#pauseTimer?.cancel()
    if (this.#state === 'stopped') this.#options.onChange()
    else if (this.#killedFor !== null) this.#failed({ message: this.#killedFor })
    else this.#failed(failure ?? { message: 'the app ended' })
  }

  #failed(failure: Failure): void {
    const { clock, random, limits } = this.#options
    this.#error = failure
    this.#started.reject(failureError(failure))
    const ranMs = clock.monotonic() - this.#spawnedAt
    const run = { ranMs, retriable: failure.retriable === true, count: this.#count }
    if (ranMs >= limits.healthyAfterMs) this.#logged = null
    if (this.#wantsPause && !this.#isHopeless) {
      this.#logFailure('warn', 'app ended while it was to pause, stays paused', failure)
      this.#become('paused')
      return
    }
    const decision = this.#isHopeless ? ({ kind: 'give-up' } as const) : decideRestart(run, limits, random)
    if (decision.kind === 'give-up') {
      this.#logFailure('error', 'app failed and is not started again', failure)
      this.#become('failed')
      return
    }
    this.#logFailure('warn', 'app failed, starts again', failure, { afterMs: decision.afterMs })
    this.#count = decision.count
    this.#become('backing-off')
    this.#restartTimer = clock.after(decision.afterMs, () => {
      this.restarts++
      this.#spawn()
    })
  }

  /** In full only once: a mistake in a file is the same at each start. */
  #logFailure(level: 'warn' | 'error', what: string, failure: Failure, facts: LogFields = {}): void {
    const { logger } = this.#options
    const fields = { app: this.id, ...facts }
    const isRepeated = this.#logged?.message === failure.message && this.#logged.frame === failure.frame
    this.#logged = failure
    if (isRepeated) logger[level](fields, `${what}: the same failure as before`)
    else {
      const frame = failure.frame === undefined ? {} : { frame: failure.frame }
      logger[level]({ ...fields, ...frame }, `${what}: ${failure.message}`)
    }
  }

  /** Another app has its name, so that starting it again would not help. */
  #giveUp(failure: Failure): void {
    this.#isHopeless = true
    this.#kill(failure.message)
  }

  #kill(why: string): void {
    this.#killedFor ??= why
    this.#child?.kill()
  }

  #watchMemory({ pid }: AppChild): MemoryWatch {
    const { clock, limits } = this.#options
    return new MemoryWatch({
      clock,
      everyMs: limits.memoryEveryMs,
      bytesMax: () => this.#memoryBytesMax ?? limits.memoryBytesMax,
      memoryBytes: () => processMemoryBytes(pid),
      onExceeded: (why) => this.#kill(why),
    })
  }

  /**
   * Says that a process is silent, and kills it when it has been for too long. While the node itself stands still it hears
   * nobody: that much of the time is not the app's silence.
   */
  #watch(): void {
    const { clock, limits, onChange } = this.#options
    const everyMs = Math.min(limits.quietAfterMs, limits.unresponsiveAfterMs / 3)
    const dueAt = clock.monotonic() + everyMs
    this.#watchTimer = clock.after(everyMs, () => {
      const nowMs = clock.monotonic()
      this.#heardAt = Math.min(nowMs, this.#heardAt + Math.max(0, nowMs - dueAt))
      const silentMs = nowMs - this.#heardAt
      if (silentMs >= limits.unresponsiveAfterMs) {
        this.#kill(`the app did not answer for ${formatDuration(silentMs)}: does it wait in an endless loop?`)
        return
      }
      this.#watch()
      if (this.#silence() !== null) onChange()
    })
  }

  /** A process that hangs still has the state it last told: this says that it may not be true. */
  #silence(): Failure | null {
    const { clock, limits } = this.#options
    const silentMs = clock.monotonic() - this.#heardAt
    if (this.#child === null || this.#state === 'stopped' || silentMs < limits.quietAfterMs) return null
    return { message: `the app has not answered for ${formatDuration(silentMs)}` }
  }

  #become(state: AppState): void {
    this.#state = state
    this.#options.onChange()
  }
}
