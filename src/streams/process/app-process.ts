// The entry of an app's own process: loads the user's file, says what it is, runs it over the channel to the node.
//
//   node                      app process
//    | spawn, file, directory ->|  load the file
//    |<- declare {graph, extras}|
//    | preview              ->|  what would it change (and nothing else)
//    | begin (or not: paused) ->|  startApp
//    |<- status, each second    |
//    |<- call ... answer ->     |  the log port
//    | ask ->, <- told         |  questions about its state
//    | pause, resume, stop    ->|
import { join } from 'node:path'
import {
  AssertionError,
  assert,
  BrokerError,
  type Clock,
  type Disk,
  type Logger,
  type Random,
  toError,
} from '#base'
import type { App } from '../app.ts'
import { previewChange } from '../change/preview.ts'
import type { Rebuild } from '../change/settle.ts'
import { describe } from '../describe.ts'
import { type RunningApp, startApp } from '../running-app.ts'
import { defaultLimits } from '../runtime/limits.ts'
import { diskSliceReader } from '../runtime/slice-reader.ts'
import { loadApp, provideModules } from './app-file.ts'
import { errorToMessage } from './failure.ts'
import { IpcPort } from './ipc-port.ts'
import { describeError } from './load-error.ts'
import type { FromChild, ToChild } from './message.ts'
import { dieWithParent } from './parent-death.ts'

export type AppProcessOptions = {
  /** What follows the mode word on the command line: the app's file and the data directory. */
  readonly argv: readonly string[]
  /** Plain data that goes with the declaration, such as the dashboards of the app. */
  readonly extras: (app: App) => unknown
  /** What the user's file can import by name: `pspf`, `pspf/testing`. */
  readonly modules: Readonly<Record<string, object>>
  /** File of RocksDB's C library; absent: wherever the system has it. */
  readonly rocksdb?: string | undefined
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
}

const statusEveryMs = 1_000

/** Runs until the node says stop or goes away; ends the process. */
export async function runAppProcess(options: AppProcessOptions): Promise<void> {
  const [file, dataDirectory] = options.argv
  assert(file !== undefined && dataDirectory !== undefined, 'a child is told its file and data directory')
  assert(process.send !== undefined, 'an app process is started by a node')
  dieWithParent()
  // A Ctrl-C or a service manager signals the whole group; the node alone decides when its apps stop.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)

  const host = new AppHost(file, dataDirectory, options)
  process.on('message', (message: ToChild) => host.receive(message))
  process.on('uncaughtException', (error) => host.fail(error))
  process.on('unhandledRejection', (error) => host.fail(error))
  await host.load()
}

class AppHost {
  readonly #file: string
  readonly #dataDirectory: string
  readonly #options: AppProcessOptions
  readonly #port = new IpcPort(sendToNode)
  #app: App | null = null
  #running: RunningApp | null = null
  #wanted: 'run' | 'pause' = 'run'
  #ending = false

  constructor(file: string, dataDirectory: string, options: AppProcessOptions) {
    this.#file = file
    this.#dataDirectory = dataDirectory
    this.#options = options
  }

  async load(): Promise<void> {
    this.#report()
    try {
      provideModules(this.#options.modules)
      const app = await loadApp(this.#file)
      sendToNode({
        t: 'declare',
        app: app.id,
        graph: describe(app),
        memoryBytesMax: app.memoryBytesMax,
        extras: this.#options.extras(app),
      })
      this.#app = app
    } catch (error) {
      this.fail(error)
    }
  }

  receive(message: ToChild): void {
    if (message.t === 'answer' || message.t === 'refusal') this.#port.receive(message)
    else if (message.t === 'begin') void this.#begin(message.rebuild ?? undefined)
    else if (message.t === 'preview') void this.#preview(message)
    else if (message.t === 'stop') void this.#stop()
    else if (message.t === 'ask') void this.#answer(message)
    else void this.#want(message.t === 'pause' ? 'pause' : 'run')
  }

  /** Says why and ends the process. The first failure is the one that counts. */
  fail(thrown: unknown): void {
    if (this.#ending) return
    this.#ending = true
    const { disk, modules } = this.#options
    const context = { file: this.#file, directory: process.cwd(), disk, modules }
    // The callback runs when the message has left: exiting earlier would lose it.
    sendToNode({ t: 'failed', failure: describeError(thrown, context) }, () => process.exit(1))
  }

  async #preview({ rebuild }: Extract<ToChild, { t: 'preview' }>): Promise<void> {
    const app = this.#app
    assert(app !== null && this.#running === null, 'a preview is for an app that does not run')
    try {
      const readSlice = diskSliceReader(this.#options.disk, defaultLimits.openFilesMax)
      const preview = await previewChange(app, { port: this.#port, readSlice, rebuild })
      sendToNode({ t: 'previewed', preview })
    } catch (error) {
      if (error instanceof BrokerError) sendToNode({ t: 'preview-refused', error: errorToMessage(error) })
      else this.fail(error)
    }
  }

  async #begin(rebuild: Rebuild | undefined): Promise<void> {
    const app = this.#app
    assert(app !== null && this.#running === null, 'a declared app begins once')
    const { clock, random, disk, rocksdb } = this.#options
    try {
      this.#running = await startApp(app, {
        port: this.#port,
        clock,
        random,
        logger: nodeLogger(),
        stateDirectory: join(this.#dataDirectory, 'apps', app.id, 'state'),
        readSlice: disk,
        rocksdb,
        rebuild,
      })
      this.#running.done.then(undefined, (error) => this.fail(error))
      if (this.#wanted === 'pause') await this.#running.pause()
      this.#send()
    } catch (error) {
      this.fail(error)
    }
  }

  async #answer({ id, question }: Extract<ToChild, { t: 'ask' }>): Promise<void> {
    try {
      if (this.#running === null) {
        throw new BrokerError('busy', 'the app is starting', { fix: 'ask again in a moment' })
      }
      sendToNode({ t: 'told', id, answer: await this.#running.tables.ask(question) })
    } catch (error) {
      if (error instanceof AssertionError) this.fail(error)
      else sendToNode({ t: 'untold', id, error: errorToMessage(error) })
    }
  }

  /** Before the app runs, only the wish is kept: `begin` looks at it. */
  async #want(wanted: 'run' | 'pause'): Promise<void> {
    this.#wanted = wanted
    try {
      if (wanted === 'run') this.#running?.resume()
      else await this.#running?.pause()
      this.#send()
    } catch (error) {
      this.fail(error)
    }
  }

  async #stop(): Promise<void> {
    if (this.#ending) return
    this.#ending = true
    try {
      await this.#running?.stop()
      process.exit(0)
    } catch (error) {
      this.#ending = false
      this.fail(error)
    }
  }

  /** Also the sign of life, from before the file is loaded. */
  #report(): void {
    if (this.#ending) return
    this.#send()
    this.#options.clock.after(statusEveryMs, () => this.#report())
  }

  #send(): void {
    const status = this.#running?.status() ?? null
    sendToNode({ t: 'status', status, memoryBytes: process.memoryUsage.rss() })
  }
}

function sendToNode(message: FromChild, sent?: () => void): void {
  process.send?.(message, undefined, undefined, sent)
}

/** Logs of the runtime in this process become logs of the node. */
function nodeLogger(): Logger {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error', own: object) =>
    (fields: Record<string, unknown>, message: string) => {
      const { err, ...rest } = { ...own, ...fields }
      const shown = err === undefined ? rest : { ...rest, error: toError(err).message }
      sendToNode({ t: 'log', level, fields: shown, message })
    }
  const make = (own: object): Logger => ({
    debug: at('debug', own),
    info: at('info', own),
    warn: at('warn', own),
    error: at('error', own),
    child: (fields) => make({ ...own, ...fields }),
  })
  return make({})
}
