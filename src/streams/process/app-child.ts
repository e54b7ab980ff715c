// One process of an app, from spawn to exit: its channel, its port to the log, its console.
import { type Clock, type Logger, sleep, toError } from '#base'
import type { LogPort } from '../api.ts'
import { readLines } from './console-lines.ts'
import type { Failure } from './failure.ts'
import { type ChildArguments, type FromChild, isFromChild, type ToChild } from './message.ts'
import { portServer } from './port-server.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export type AppChildOptions = {
  /** Starts this executable in child mode; the arguments follow. */
  readonly command: readonly string[]
  readonly args: ChildArguments
  /** The app sees it, without what is for the node. */
  readonly environment: Environment
  /** The signal is aborted when the process ends. */
  readonly port: (signal: AbortSignal) => LogPort
  readonly clock: Clock
  readonly logger: Logger
  /** The app's name, as far as it is known by now. */
  readonly name: () => string
  readonly onMessage: (message: Exclude<FromChild, { t: 'call' | 'log' }>) => void
}

export interface AppChild {
  readonly pid: number
  send(message: ToChild): void
  /** SIGKILL. */
  kill(): void
  /** Why it ended, once it has and its console is read to the end; null if it was asked to and exited with 0. */
  readonly ended: Promise<Failure | null>
}

/** A process that user code has left behind may hold the console open for ever: nobody waits longer for its end. */
const lastLinesWithinMs = 1_000
/** Not why a process ended: `(node:12) TimeoutNegativeWarning: -1 is ...`, `warn: ...`. */
const warning = /^(\(\w+:\d+\) |(\w+)?Warning: |warn(ing)?: )/
/** Whoever ends a process by these gives it no last words: what it said before has nothing to do with it. */
const signalsFromOutside: readonly unknown[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP']
/** Lines of stderr shown when a process ends without saying why. */
const lastWordsMax = 8

export function spawnAppChild(options: AppChildOptions): AppChild {
  const { logger, clock } = options
  const gone = new AbortController()
  let asked = false
  let failure: Failure | null = null
  const lastWords: string[] = []

  const child = Bun.spawn([...options.command, ...options.args], {
    env: appEnvironment(options.environment),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    serialization: 'advanced',
    ipc: (message: unknown) => {
      if (isFromChild(message)) receive(message)
      else logger.debug({ app: options.name() }, 'ignored a message that is not one of pspf')
    },
  })
  const send = (message: ToChild) => {
    if (message.t === 'stop') asked = true
    if (gone.signal.aborted || child.exitCode !== null || child.signalCode !== null) return
    try {
      child.send(message)
    } catch (error) {
      // The process is ending; its exit is what counts.
      logger.debug({ app: options.name(), err: toError(error) }, 'the app did not take a message')
    }
  }
  const serve = portServer(options.port(gone.signal), send)

  const receive = (message: FromChild) => {
    if (message.t === 'call') return void serve(message)
    if (message.t === 'log') {
      // The node's logger says which part speaks; twice the same key in a line would hide one.
      const { component, ...fields } = message.fields
      return logger[message.level]({ ...fields, app: options.name() }, message.message)
    }
    if (message.t === 'failed') failure = message.failure
    options.onMessage(message)
  }

  const stdout = readLines(child.stdout, clock, (line) => logger.info({ app: options.name() }, line))
  const stderr = readLines(child.stderr, clock, (line) => {
    logger.warn({ app: options.name() }, line)
    if (warning.test(line)) return
    if (lastWords.push(line) > lastWordsMax) lastWords.shift()
  })
  const ended = child.exited.then(async (): Promise<Failure | null> => {
    gone.abort()
    const read = new AbortController()
    const lines = Promise.all([stdout, stderr]).then(() => read.abort())
    await Promise.race([lines, sleep(clock, lastLinesWithinMs, read.signal)])
    if (failure !== null || (asked && child.exitCode === 0)) return failure
    return endedBy(child.exitCode, child.signalCode, lastWords)
  })
  return { pid: child.pid, send, ended, kill: () => child.kill('SIGKILL') }
}

/** Settings that are for the runtime in the app's process. */
const forApps: readonly string[] = ['PSPF_ROCKSDB']

/** What the user gave for apps, without what is for the node: its token opens everything. */
function appEnvironment(given: Environment): Record<string, string | undefined> {
  const isSeen = (name: string) => !name.toUpperCase().startsWith('PSPF_') || forApps.includes(name)
  return Object.fromEntries(Object.entries(given).filter(([name]) => isSeen(name)))
}

function endedBy(
  exitCode: number | null,
  signal: string | number | null,
  lastWords: readonly string[],
): Failure {
  const how = signal === null ? `ended by itself with exit code ${exitCode}` : `was ended by ${signal}`
  const message = `the process of the app ${how}`
  const isMute = lastWords.length === 0 || signalsFromOutside.includes(signal)
  return isMute ? { message } : { message, frame: lastWords.join('\n') }
}
