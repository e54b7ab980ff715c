// Fetches that wait for records: one entry per waiting call, woken by the log, the clock, the caller's signal or the end.
import { BrokerError, type Clock, type Offset } from '#base'
import type { Partition } from '#log'

/** Why a wait ended: a record is there, nothing came in time (or the caller gave up), or the partition is gone. */
export type Wake = 'grown' | 'nothing' | 'deleted'

type Waiter = {
  readonly from: Offset
  readonly end: (wake: Wake) => void
  readonly fail: (why: BrokerError) => void
}

export type Wait = {
  readonly partition: Partition
  readonly from: Offset
  readonly waitMs: number
  readonly signal: AbortSignal | undefined
}

export class Waiters {
  readonly #clock: Clock
  readonly #waitingMax: number
  /** By topic id, then partition, so that waking looks at nobody else. */
  readonly #waiting = new Map<string, Set<Waiter>>()
  #count = 0

  constructor(clock: Clock, waitingMax: number) {
    this.#clock = clock
    this.#waitingMax = waitingMax
  }

  get count(): number {
    return this.#count
  }

  /** Resolves when the partition ends after `from`, or with `nothing` after `waitMs` or an abort. */
  wait({ partition, from, waitMs, signal }: Wait): Promise<Wake> {
    if (partition.endOffset > from) return Promise.resolve('grown')
    if (waitMs <= 0 || signal?.aborted) return Promise.resolve('nothing')
    if (this.#count >= this.#waitingMax) {
      const why = `${this.#count} fetches are waiting already, which is the limit`
      return Promise.reject(
        new BrokerError('busy', why, {
          fix: 'read with fewer connections',
          details: { limit: this.#waitingMax },
        }),
      )
    }
    return new Promise((resolve, reject) => {
      const key = keyOf(partition.id)
      const leave = () => {
        timer.cancel()
        signal?.removeEventListener('abort', abort)
        this.#remove(key, waiter)
      }
      const end = (wake: Wake) => {
        leave()
        resolve(wake)
      }
      const fail = (why: BrokerError) => {
        leave()
        reject(why)
      }
      const abort = () => end('nothing')
      const waiter: Waiter = { from, end, fail }
      const timer = this.#clock.after(waitMs, abort)
      signal?.addEventListener('abort', abort)
      this.#add(key, waiter)
    })
  }

  /** To be called when partitions have grown. */
  wake(grown: readonly Partition[]): void {
    if (this.#count === 0) return
    for (const partition of grown) {
      for (const waiter of this.#of(keyOf(partition.id))) {
        if (partition.endOffset > waiter.from) waiter.end('grown')
      }
    }
  }

  /** To be called when a partition was deleted. */
  dismiss(id: Partition['id']): void {
    for (const waiter of this.#of(keyOf(id))) waiter.end('deleted')
  }

  close(): void {
    for (const waiters of [...this.#waiting.values()]) {
      for (const waiter of [...waiters]) {
        waiter.fail(
          new BrokerError('closed', 'the node is stopping, so the fetch ends', { fix: 'reconnect' }),
        )
      }
    }
  }

  /** A copy, since a waiter that ends leaves the set. */
  #of(key: string): readonly Waiter[] {
    const waiters = this.#waiting.get(key)
    return waiters ? [...waiters] : []
  }

  #add(key: string, waiter: Waiter): void {
    const waiters = this.#waiting.get(key)
    if (waiters) waiters.add(waiter)
    else this.#waiting.set(key, new Set([waiter]))
    this.#count++
  }

  #remove(key: string, waiter: Waiter): void {
    const waiters = this.#waiting.get(key)
    if (!waiters?.delete(waiter)) return
    this.#count--
    if (waiters.size === 0) this.#waiting.delete(key)
  }
}

function keyOf({ topicId, partition }: Partition['id']): string {
  return `${topicId}-${partition}`
}
