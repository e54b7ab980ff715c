// All apps of a node, each in a process of its own.
import { resolve } from 'node:path'
import { BrokerError, type Clock, type Logger, type Metrics, type Random } from '#base'
import type { Broker } from '#broker'
import type { AppStatus } from '../api.ts'
import type { TableAnswer, TableQuestion } from '../tables/table-question.ts'
import type { Environment } from './app-child.ts'
import { AppMetrics } from './app-metrics.ts'
import { brokerPort } from './broker-port.ts'
import { type Failure, failureOf } from './failure.ts'
import { PausedApps } from './paused-apps.ts'
import { type SupervisionLimits, supervisionLimits } from './restart-policy.ts'
import { type AppProgram, SupervisedApp } from './supervised-app.ts'

export type AppSupervisorOptions = {
  readonly broker: Broker
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly dataDirectory: string
  /** Starts this executable as an app's process: `[execPath, '__app']` compiled, `[bun, 'src/main.ts', '__app']` from source. */
  readonly command: readonly string[]
  /** What apps see of it is without `PSPF_*`. */
  readonly environment: Environment
  readonly limits?: Partial<SupervisionLimits>
}

export type ChangeListener = () => void
/** `extras`: what `runAppProcess` was told to send along, such as dashboards. Called again at each restart of the app.
 * Throws a `BrokerError` to refuse the app: it fails with that, and is not tried again. */
export type DeclaredListener = (app: string, extras: unknown) => void

export class AppSupervisor {
  readonly #options: AppSupervisorOptions
  readonly #apps: SupervisedApp[] = []
  readonly #paused: PausedApps
  readonly #changed = new Set<ChangeListener>()
  readonly #declared = new Set<DeclaredListener>()
  #closed = false

  constructor(options: AppSupervisorOptions) {
    this.#options = options
    this.#paused = new PausedApps(options.broker)
    const measured = new AppMetrics(options.metrics, options.clock)
    options.metrics.collect(() => measured.measure(this.list()))
  }

  /**
   * Resolves when the app runs (or stays paused, as it was). Rejects with `app_failed` (message and code frame) when its
   * first start fails; it stays in the list all the same and is started again with back-off.
   */
  async start(file: string): Promise<void> {
    await this.#add({ file, version: null, rebuild: null }).start()
  }

  /**
   * Starts it, or exchanges the app of that id for it; `between` is called while neither runs. Resolves once it runs, or
   * cannot; rejects only for its first start.
   */
  async startProgram(id: string, program: AppProgram, between?: () => void): Promise<void> {
    // Its file may have failed to load so far, or has given it another id.
    const isSameFile = ({ file, version }: SupervisedApp) =>
      version === null && file === resolve(program.file)
    const known = this.find(id) ?? this.#apps.find(isSameFile)
    if (known === undefined) {
      const app = this.#add(program)
      app.id = id
      await app.start()
      return
    }
    await known.replace(program, between)
    await this.#untilDecided(known)
  }

  find(id: string): SupervisedApp | undefined {
    return this.#apps.find((candidate) => candidate.id === id)
  }

  /** Stops it for good; the log keeps what it has computed. */
  async remove(id: string): Promise<void> {
    const app = this.#find(id)
    await app.stop()
    this.#apps.splice(this.#apps.indexOf(app), 1)
    this.#notify()
  }

  /** Runs, pauses or has failed. */
  #untilDecided(app: SupervisedApp): Promise<void> {
    const isDecided = () => app.status().state !== 'starting'
    return new Promise((resolve) => {
      const stop = this.onChange(() => {
        if (!isDecided()) return
        stop()
        resolve()
      })
      if (isDecided()) {
        stop()
        resolve()
      }
    })
  }

  #add(program: AppProgram): SupervisedApp {
    if (this.#closed) throw new BrokerError('closed', 'the node is stopping')
    const { broker, clock, random, logger, dataDirectory, command, environment } = this.#options
    const app: SupervisedApp = new SupervisedApp({
      program,
      dataDirectory,
      command,
      environment,
      clock,
      random,
      logger,
      limits: { ...supervisionLimits, ...this.#options.limits },
      port: (signal) => brokerPort(broker, signal),
      declare: (id, extras) => this.#declare(app, id, extras),
      isPaused: (id) => this.#paused.has(id),
      onChange: () => this.#notify(),
    })
    this.#apps.push(app)
    return app
  }

  /** Until the node restarts, or `resume`. */
  async stop(id: string): Promise<void> {
    await this.#find(id).stop()
  }

  /** Durable: the app stays paused when the node restarts. */
  async pause(id: string): Promise<void> {
    const app = this.#find(id)
    await this.#paused.set(app.id, true)
    app.pause()
  }

  async resume(id: string): Promise<void> {
    const app = this.#find(id)
    await this.#paused.set(app.id, false)
    if (!this.#closed) app.resume()
  }

  /** About the state of an app: see `AppTables`. */
  ask(id: string, question: TableQuestion, withinMs: number): Promise<TableAnswer> {
    return this.#find(id).ask(question, withinMs)
  }

  list(): AppStatus[] {
    return this.#apps.map((app) => app.status())
  }

  get(id: string): AppStatus {
    return this.#find(id).status()
  }

  /** Called when any app's status has changed, at least once a second per running app. Returns how to stop. */
  onChange(listener: ChangeListener): () => void {
    this.#changed.add(listener)
    return () => this.#changed.delete(listener)
  }

  onDeclared(listener: DeclaredListener): () => void {
    this.#declared.add(listener)
    return () => this.#declared.delete(listener)
  }

  /** Every app commits what it has processed and ends; those that take too long are killed. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#apps.map((app) => app.stop()))
  }

  #declare(app: SupervisedApp, id: string, extras: unknown): Failure | null {
    const other = this.#apps.find((candidate) => candidate !== app && candidate.id === id)
    if (other) return { message: takenBy(id, other) }
    try {
      for (const listener of this.#declared) listener(id, extras)
      return null
    } catch (error) {
      if (error instanceof BrokerError) return failureOf(error)
      throw error
    }
  }

  #notify(): void {
    for (const listener of this.#changed) listener()
  }

  #find(id: string): SupervisedApp {
    const app = this.#apps.find((candidate) => candidate.id === id)
    if (app) return app
    const known = this.#apps.map((candidate) => candidate.id).join(', ')
    throw new BrokerError('not_found', `there is no app "${id}"`, {
      fix: known === '' ? 'start one: pspf serve app.ts' : `apps are ${known}`,
    })
  }
}

function takenBy(id: string, { file, version }: SupervisedApp): string {
  return version === null
    ? `the id "${id}" is taken by the app in ${file}`
    : `the id "${id}" is taken by version ${version} of the app that was deployed: pspf app deploy puts another in its place`
}
