// Loads an app's file in a process of its own to hear what it is and what it would change. None of its tasks run.
import { BrokerError, type Clock, formatDuration, type Logger, sleep } from '#base'
import type { GraphDescription, LogPort } from '../api.ts'
import type { Preview } from '../change/preview.ts'
import type { Rebuild } from '../change/settle.ts'
import { type Environment, spawnAppChild } from './app-child.ts'
import { errorFromMessage, type Failure, failureError } from './failure.ts'

export type TrialOptions = {
  /** Absolute. */
  readonly file: string
  readonly dataDirectory: string
  readonly command: readonly string[]
  readonly environment: Environment
  readonly clock: Clock
  readonly logger: Logger
  /** null: only load it. */
  readonly preview: {
    readonly port: LogPort
    readonly rebuild: Omit<Rebuild, 'after'>
  } | null
}

export type Trial = {
  readonly app: string
  readonly graph: GraphDescription
  readonly preview: Preview | null
}

/** A file that takes longer to load is given up. */
const trialMsMax = 20_000

/** Rejects with `app_failed` (place and code frame) for a file that is no sound app. */
export async function tryApp(options: TrialOptions): Promise<Trial> {
  const { file, dataDirectory, command, environment, clock, logger, preview } = options
  const done = Promise.withResolvers<Trial>()
  let declared: Pick<Trial, 'app' | 'graph'> | null = null
  const fail = (failure: Failure) => done.reject(failureError(failure))
  const child = spawnAppChild({
    command,
    args: [file, dataDirectory],
    environment,
    clock,
    logger,
    name: () => declared?.app ?? 'an app on trial',
    port: () => preview?.port ?? noPort,
    onMessage: (message) => {
      if (message.t === 'failed') fail(message.failure)
      else if (message.t === 'previewed') done.resolve({ ...declared!, preview: message.preview })
      else if (message.t === 'preview-refused') done.reject(errorFromMessage(message.error))
      else if (message.t === 'declare') {
        declared = { app: message.app, graph: message.graph }
        if (preview === null) done.resolve({ ...declared, preview: null })
        else child.send({ t: 'preview', rebuild: preview.rebuild })
      }
    },
  })
  void child.ended.then((failure) => fail(failure ?? { message: 'the process of the app ended' }))
  const inTime = new AbortController()
  const late = sleep(clock, trialMsMax, inTime.signal).then(() => {
    const message = `${file} was not loaded within ${formatDuration(trialMsMax)}: does it wait for something, or loop?`
    if (!inTime.signal.aborted) done.reject(new BrokerError('app_failed', message))
  })
  try {
    return await done.promise
  } finally {
    inTime.abort()
    child.kill()
    await Promise.all([late, child.ended])
  }
}

const refuse = (): never => {
  throw new BrokerError('closed', 'an app that is only loaded has no log')
}
const noPort: LogPort = {
  ensureTopics: refuse,
  findTopics: refuse,
  fetchSlice: refuse,
  committed: refuse,
  fence: refuse,
  commit: refuse,
}
