// This side of the compaction worker: one thread per round, which ends with it and gives its memory back.
import { BrokerError, type Disk, type Thread } from '#base'
import type { CompactionJob } from './compaction.ts'
import {
  type CompactionProgress,
  type CompactionRun,
  type CompactionRunner,
  inlineCompaction,
} from './compaction-runner.ts'
import type { CompactionAnswer, CompactionFailure, CompactionRequest } from './compaction-worker.ts'

/** Where no thread can run, rounds run here: they hold others up a little, and do the same. */
export function threadedCompaction(disk: Disk, startWorker = startCompactionWorker): CompactionRunner {
  const inline = inlineCompaction(disk)
  return {
    start(job) {
      try {
        return new ThreadRun(startWorker(), job, inline)
      } catch {
        return inline.start(job) // A machine without threads to spare.
      }
    },
  }
}

class ThreadRun implements CompactionRun {
  readonly #worker: Thread
  readonly #job: CompactionJob
  readonly #inline: CompactionRunner
  #fallback: CompactionRun | null = null
  #ready = false
  #begun = false
  #ended = false
  #obituary: CompactionAnswer | 'unfit' = 'unfit'
  #waiter: ((answer: CompactionAnswer | 'unfit') => void) | null = null

  constructor(worker: Thread, job: CompactionJob, inline: CompactionRunner) {
    this.#worker = worker
    this.#job = job
    this.#inline = inline
    worker.onmessage = (event: MessageEvent<CompactionAnswer>) => this.#answered(event.data)
    worker.onerror = (event) => this.#broke(event.message)
    // A round under way keeps no process alive: what it has not finished was never there.
    worker.unref()
  }

  async next(): Promise<CompactionProgress> {
    if (this.#fallback !== null) return this.#fallback.next()
    const request = this.#begun ? 'next' : { job: this.#job }
    this.#begun = true
    const answer = await this.#ask(request)
    if (answer === 'unfit') {
      this.#fallback = this.#inline.start(this.#job)
      return this.#fallback.next()
    }
    if (typeof answer === 'string') throw died('it answered out of turn')
    if ('failure' in answer) throw failureOf(answer.failure)
    return answer.progress
  }

  async stop(): Promise<void> {
    if (this.#fallback !== null) return this.#fallback.stop()
    try {
      if (this.#begun && !this.#ended) await this.#ask('stop')
    } finally {
      this.#ended = true
      this.#worker.terminate()
    }
  }

  /** One question at a time. `unfit`: the thread never ran, so it has done nothing, and the round may run here. */
  #ask(request: CompactionRequest): Promise<CompactionAnswer | 'unfit'> {
    if (this.#ended) return Promise.resolve(this.#obituary)
    return new Promise((resolve) => {
      this.#waiter = resolve
      this.#worker.postMessage(request)
    })
  }

  #answered(answer: CompactionAnswer): void {
    if (answer === 'ready') this.#ready = true
    else this.#settle(answer)
  }

  #broke(message: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#worker.terminate()
    const { message: what } = died(message)
    this.#obituary = this.#ready ? { failure: { message: what, code: undefined, refusal: null } } : 'unfit'
    this.#settle(this.#obituary)
  }

  #settle(answer: CompactionAnswer | 'unfit'): void {
    const waiter = this.#waiter
    this.#waiter = null
    waiter?.(answer)
  }
}

/** The literal is what the compiler looks for to put the worker into the executable. */
function startCompactionWorker(): Thread {
  return new Worker(new URL('./compaction-worker.ts', import.meta.url)) as Thread
}

function failureOf({ message, code, refusal }: CompactionFailure): Error {
  if (refusal !== null) {
    const { code: broker, fix } = refusal
    return new BrokerError(broker, message, fix === undefined ? {} : { fix })
  }
  return code === undefined ? new Error(message) : Object.assign(new Error(message), { code })
}

function died(why: string): Error {
  return new Error(`the compaction thread died: ${why}`)
}
