// A state store is a cache of a task's changelog: ordered keys and values as bytes, and how much of the changelog they
// stand for. It is doubted, never trusted: whoever opens one compares its position with the log and drops it if they
// differ. Nothing uncommitted ever reaches it.
import { BrokerError, crc32 } from '#base'
import { afterPrefix } from './state-key.ts'

/** Up to where the changelog is contained in the store. */
export type StorePosition = {
  /** Id of the changelog topic and partition: a re-created topic is another log. */
  readonly log: string
  /** Next changelog offset to apply. */
  readonly next: number
  /** Id of the commit that ends right below `next`: the same position with another history has another one. */
  readonly chain: string
}

/** null deletes. */
export type Mutation = { readonly key: Uint8Array; readonly value: Uint8Array | null }
export type StateEntry = { readonly key: Uint8Array; readonly value: Uint8Array }

export interface StateStore {
  /** null: empty. */
  readonly position: StorePosition | null
  get(key: Uint8Array): Uint8Array | null
  /** Entries with `from <= key < to` in the order of their bytes. The store must not change while they are read. */
  scan(from: Uint8Array, to: Uint8Array): Iterable<StateEntry>
  /** All mutations in order and the position, or nothing of it. Later mutations of a key win. */
  apply(mutations: readonly Mutation[], position: StorePosition): void
  /** Back to empty, whatever state it is in. */
  clear(): void
  close(): void
}

/** Whether anything is stored under the prefix: of a new node nothing is, and nothing needs to be asked. */
export function holdsAny(store: StateStore, prefix: Uint8Array): boolean {
  for (const _ of store.scan(prefix, afterPrefix(prefix))) return true
  return false
}

/** The last mutation of each key, in the order of keys: neighbours share pages, so this is many times faster to apply. */
export class MutationSet {
  /** By key, as text whose order is that of the bytes. */
  readonly #byKey = new Map<string, Mutation>()

  get size(): number {
    return this.#byKey.size
  }

  add(mutation: Mutation): void {
    const { buffer, byteOffset, byteLength } = mutation.key
    this.#byKey.set(Buffer.from(buffer, byteOffset, byteLength).toString('latin1'), mutation)
  }

  get({ buffer, byteOffset, byteLength }: Uint8Array): Mutation | undefined {
    return this.#byKey.get(Buffer.from(buffer, byteOffset, byteLength).toString('latin1'))
  }

  /** Those with `from <= key < to`, in the order of keys. */
  between(from: Uint8Array, to: Uint8Array): Mutation[] {
    const [first, end] = [from, to].map((key) => Buffer.from(key).toString('latin1')) as [string, string]
    const keys = [...this.#byKey.keys()].filter((key) => first <= key && key < end).sort()
    return keys.map((key) => this.#byKey.get(key)!)
  }

  /** Hands them over and is empty. */
  take(): Mutation[] {
    const keys = [...this.#byKey.keys()].sort()
    const mutations = keys.map((key) => this.#byKey.get(key)!)
    this.#byKey.clear()
    return mutations
  }
}

/** Of an entry, by stores whose library keeps none: covers the key, so that a value under the wrong key is found, too. */
export function checkOf(key: Uint8Array, value: Uint8Array): number {
  return (crc32(value) ^ Math.imul(crc32(key), 31)) >>> 0
}

/** What opening a damaged file does: `'rebuild'` begins anew, `'refuse'` throws `corrupt` and leaves it. */
export type OnDamage = 'rebuild' | 'refuse'

/** Opens the store of a task. Damage found while opening leaves an empty store: it is rebuilt. */
export type StoreOpener = (task: string) => StateStore

export function storeDamaged(store: string, why: string, cause?: unknown): BrokerError {
  return new BrokerError('corrupt', `state store ${store} is damaged: ${why}`, {
    fix: 'nothing to do: it is rebuilt from its changelog',
    cause,
    details: { store },
  })
}

/** As opposed to damage of the log, from which nothing can be rebuilt. */
export function isStoreDamage(thrown: unknown): boolean {
  return thrown instanceof BrokerError && thrown.code === 'corrupt' && 'store' in thrown.details
}
