// This side of a sync worker: tasks go out one after the other, answers come back in the same order.
import { fdatasync } from 'node:fs'
import { promisify } from 'node:util'
import { BrokerError, toError } from './errors.ts'
import { runSyncTask, type SyncTask } from './sync-task.ts'
import type { SyncAnswer, SyncFailure } from './sync-worker.ts'

/** Bun's worker, which can be kept from holding the process open. */
export type Thread = Worker & { ref(): void; unref(): void }

const syncInPool = promisify(fdatasync)

type Waiter = { task: SyncTask; resolve(): void; reject(error: Error): void }

/** Starts its thread with the first task. Where no thread can run, tasks run here: slower, not weaker. */
export class SyncThread {
  #worker: Thread | null = null
  #state: 'idle' | 'starting' | 'running' | 'inline' | 'closed' = 'idle'
  readonly #waiters: Waiter[] = []
  readonly #startWorker: () => Thread

  constructor(startWorker = startSyncWorker) {
    this.#startWorker = startWorker
  }

  run(task: SyncTask): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(stopped())
    if (this.#state === 'idle') this.#start()
    if (this.#state === 'inline') return runHere(task)
    return new Promise((resolve, reject) => {
      // Only a task under way keeps the process alive, not the thread itself.
      if (this.#waiters.push({ task, resolve, reject }) === 1) this.#worker?.ref()
      if (this.#state === 'running') this.#worker?.postMessage(task)
    })
  }

  close(): void {
    this.#state = 'closed'
    this.#worker?.terminate()
    this.#worker = null
    for (const waiter of this.#waiters.splice(0)) waiter.reject(stopped())
  }

  #start(): void {
    this.#state = 'starting'
    try {
      const worker = this.#startWorker()
      worker.onmessage = (event: MessageEvent<SyncAnswer>) => this.#answered(event.data)
      worker.onerror = (event) => this.#broke(event.message)
      this.#worker = worker
    } catch (thrown) {
      this.#broke(toError(thrown).message)
    }
  }

  #answered(failure: SyncAnswer): void {
    if (this.#state === 'starting') {
      this.#state = 'running'
      for (const { task } of this.#waiters) this.#worker?.postMessage(task)
      return
    }
    const waiter = this.#waiters.shift()
    if (this.#waiters.length === 0) this.#worker?.unref()
    if (failure === null) waiter?.resolve()
    else waiter?.reject(systemError(failure))
  }

  #broke(message: string): void {
    const started = this.#state === 'running'
    this.#state = 'inline'
    this.#worker?.terminate()
    this.#worker = null
    for (const { task, resolve, reject } of this.#waiters.splice(0)) {
      // Nobody knows what a thread that died had done, so its tasks failed; one that never ran has done nothing.
      if (started) reject(new Error(`the sync thread died: ${message}`))
      else runHere(task).then(resolve, reject)
    }
  }
}

/** The literal is what the compiler looks for to put the worker into the executable. */
function startSyncWorker(): Thread {
  return new Worker(new URL('./sync-worker.ts', import.meta.url)) as Thread
}

function systemError({ code, message }: SyncFailure): Error {
  return code === undefined ? new Error(message) : Object.assign(new Error(message), { code })
}

/** The runtime's pool takes what can hold this thread longest. */
async function runHere(task: SyncTask): Promise<void> {
  if (task.kind === 'file' || task.kind === 'writeBack') await syncInPool(task.descriptor)
  else runSyncTask(task)
}

function stopped(): BrokerError {
  return new BrokerError('closed', 'the disk was closed')
}
