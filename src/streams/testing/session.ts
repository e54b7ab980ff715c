// One life of an app in a test: the port and stores it was given. Every request to the log waits until the scheduler
// picks it, so a seed fixes the interleaving; once the session is dead no answer ever comes, as after a kill.
import { BrokerError, type Clock, type Random, toError } from '#base'
import type { LogPort } from '../api.ts'
import { type Mutation, type StateStore, type StorePosition, storeDamaged } from '../state/state-store.ts'
import type { CrashPoint } from './crash-point.ts'
import type { MemoryLog } from './memory-log.ts'

type Request = { readonly ready: () => boolean; readonly serve: () => void }

export type SessionOptions = {
  readonly log: MemoryLog
  readonly clock: Clock
  readonly random: Random
}

export class Session {
  readonly #options: SessionOptions
  readonly #requests = new Set<Request>()
  /** Where to die next. */
  armed: CrashPoint | null = null
  dead = false

  constructor(options: SessionOptions) {
    this.#options = options
  }

  readonly port: LogPort = {
    ensureTopics: (specs) => this.#request(() => specs.map((spec) => this.#options.log.ensure(spec))),
    findTopics: (names) => this.#request(() => names.flatMap((name) => this.#options.log.find(name) ?? [])),
    committed: (group, topic, partition) =>
      this.#request(() => this.#options.log.committed(group, topic, partition)),
    fence: (group, owner) => this.#request(() => this.#options.log.fence(group, owner)),
    fetchSlice: (request) => this.#fetch(request),
    commit: (commit) => this.#request(() => this.#commit(commit)),
  }

  /** Serves one request, chosen at random; false: none can be served now. */
  serveOne(): boolean {
    if (this.dead) return false
    const ready = [...this.#requests].filter((request) => request.ready())
    const chosen = ready[this.#options.random.below(Math.max(1, ready.length))]
    if (chosen === undefined) return false
    this.#requests.delete(chosen)
    chosen.serve()
    return true
  }

  die(): void {
    this.dead = true
    this.#requests.clear()
  }

  /** A store that stops with the session; what is below it stays. */
  store(below: StateStore): StateStore {
    return {
      get position() {
        return below.position
      },
      get: (key) => below.get(key),
      scan: (from, to) => below.scan(from, to),
      apply: (mutations, position) => this.#apply(below, mutations, position),
      clear: () => below.clear(),
      close: () => undefined,
    }
  }

  #apply(below: StateStore, mutations: readonly Mutation[], position: StorePosition): void {
    if (this.#hit('store-applying') || this.dead) return
    below.apply(mutations, position)
    if (this.#hit('store-ahead')) this.#options.log.loseLastFrame()
    this.#hit('store-applied')
  }

  #commit(commit: Parameters<LogPort['commit']>[0]): Awaited<ReturnType<LogPort['commit']>> {
    const { log, random } = this.#options
    if (this.#hit('overlay-written') || this.#hit('frame-torn')) return nothing
    if (this.armed === 'frame-written' && random.below(2) === 0) {
      this.die()
      return nothing
    }
    const answer = log.commit(commit)
    for (const point of ['frame-written', 'frame-durable', 'mark-published'] as const) this.#hit(point)
    return answer
  }

  #fetch(request: Parameters<LogPort['fetchSlice']>[0]): ReturnType<LogPort['fetchSlice']> {
    const { log, clock, random } = this.#options
    const { topic, partition, from, waitMs } = request
    const until = clock.now() + waitMs
    // So that there is a moment at which the wait ends.
    const end = clock.after(waitMs, () => undefined)
    const ready = () => clock.now() >= until || !log.has(topic) || log.endOf(topic, partition) !== from
    const serve = () => {
      end.cancel()
      const answer = log.slice(request, 1 + random.below(4))
      if (answer.slice !== null && waitMs > 0) this.#hit('batch-read')
      return answer
    }
    return this.#request(serve, ready)
  }

  #request<T>(serve: () => T, ready = () => true): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.dead) return
      this.#requests.add({
        ready,
        serve: () => {
          try {
            const answer = serve()
            if (!this.dead) resolve(answer)
          } catch (thrown) {
            reject(toError(thrown))
          }
        },
      })
    })
  }

  #hit(point: CrashPoint): boolean {
    if (this.armed !== point || this.dead) return false
    this.die()
    return true
  }
}

/** What a dead session answers is not heard by anybody. */
const nothing = { positions: [] }

/** A store that lies on the disk between two lives, and what can happen to it there. */
export class KeptStore implements StateStore {
  readonly #below: StateStore
  #damaged = false

  constructor(below: StateStore) {
    this.#below = below
  }

  get position(): StorePosition | null {
    return this.#below.position
  }
  get(key: Uint8Array): Uint8Array | null {
    this.#check()
    return this.#below.get(key)
  }
  scan(from: Uint8Array, to: Uint8Array): ReturnType<StateStore['scan']> {
    this.#check()
    return this.#below.scan(from, to)
  }
  apply(mutations: readonly Mutation[], position: StorePosition): void {
    this.#check()
    this.#below.apply(mutations, position)
  }
  clear(): void {
    this.#damaged = false
    this.#below.clear()
  }
  close(): void {
    this.#below.close()
  }

  damage(): void {
    this.#damaged = true
  }
  estrange(): void {
    const { position } = this.#below
    if (position !== null) this.#below.apply([], { ...position, log: 'another log' })
  }

  #check(): void {
    if (this.#damaged) throw storeDamaged('of this test', 'as asked for')
  }
}

export function notCrashing(point: string): BrokerError {
  return new BrokerError('invalid_request', `there is no crash point "${point}"`)
}
