// A thread that only makes things durable. Tried: a sync on the main thread stalls it for up to 82 ms, and in the
// runtime's pool of two threads it waits behind blocked reads; a message each way costs about 10 µs, less than waking
// by Atomics. An entry point of its own in the compiled binary: nobody imports it but for its types.
import { systemCode, toError } from './errors.ts'
import { runSyncTask, type SyncTask } from './sync-task.ts'

export type SyncFailure = { readonly code: string | undefined; readonly message: string }

/** `null`: done. The first answer comes unasked and says that the thread runs. */
export type SyncAnswer = SyncFailure | null

function answer(task: SyncTask): SyncAnswer {
  try {
    runSyncTask(task)
    return null
  } catch (thrown) {
    return { code: systemCode(thrown), message: toError(thrown).message }
  }
}

self.onmessage = (event: MessageEvent<SyncTask>) => postMessage(answer(event.data))
postMessage(null)
