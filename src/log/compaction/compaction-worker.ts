// A thread that compacts: it reads and writes whole segments and syncs as it goes, which no other thread has to wait for.
// An entry point of its own in the compiled binary: nobody imports it but for its types.
import { BrokerError, type ErrorCode, realDisk, systemCode, toError } from '#base'
import { type CompactionJob, compact } from './compaction.ts'
import type { CompactionProgress } from './compaction-runner.ts'

export type CompactionRequest = { readonly job: CompactionJob } | 'next' | 'stop'

export type CompactionFailure = {
  readonly message: string
  readonly code: string | undefined
  readonly refusal: { readonly code: ErrorCode; readonly fix: string | undefined } | null
}

/** `ready` comes unasked and says that the thread runs. */
export type CompactionAnswer =
  | 'ready'
  | 'stopped'
  | { readonly progress: CompactionProgress }
  | { readonly failure: CompactionFailure }

let round: ReturnType<typeof compact> | null = null

function answer(request: CompactionRequest): CompactionAnswer {
  try {
    if (request === 'stop') {
      round?.return({ compactedTo: 0, recordsRemoved: 0 })
      return 'stopped'
    }
    if (request !== 'next') round = compact(realDisk(), request.job)
    const { done, value } = round!.next()
    return { progress: done ? { done, totals: value } : { done: false, step: value } }
  } catch (thrown) {
    const error = toError(thrown)
    const refusal = error instanceof BrokerError ? { code: error.code, fix: error.fix } : null
    return { failure: { message: error.message, code: systemCode(thrown), refusal } }
  }
}

self.onmessage = (event: MessageEvent<CompactionRequest>) => postMessage(answer(event.data))
postMessage('ready')
