// What a user's file exports: an app is an id and the parts that belong to it. The graph is read from the parts when the
// app is described or started, so parts may still grow after `use`.
import { BrokerError, parseSize } from '#base'
import { type HandlerClass, partOfClass } from './decorated-class.ts'
import { type ErrorPolicy, errorSettings } from './error-policy.ts'
import { type StoreKind, storeKinds } from './state/store-kind.ts'
import type { Stream } from './stream.ts'

/** Whatever knows streams can be part of an app: streams, window results, sources, dashboards. */
export interface AppPart {
  streams(): Iterable<Stream<unknown>>
}

export type AppOptions = {
  /** Group, owner and topic names derive from it: renaming an app starts a new one. */
  readonly id: string
  /** What happens when a function throws, where a node does not say it itself. Default `'fail'`: nothing is left out
   * unless asked for. */
  readonly onError?: ErrorPolicy
  /** What keeps its state on this machine; the log has it in any case. Default `'sqlite'`. */
  readonly store?: StoreKind
  /** Most memory that its process may have: `'512MB'`. Above it the process is killed and started again, with back-off.
   * Default: what the node says (`--memory`). An app opened inside a program has no process of its own, and no limit. */
  readonly memory?: string
}

const appBrand = Symbol.for('pspf.app')

export type App = {
  readonly [appBrand]: true
  readonly id: string
  readonly onError: ErrorPolicy
  readonly store: StoreKind
  /** null: what the node says. */
  readonly memoryBytesMax: number | null
  readonly parts: readonly AppPart[]
  /** Adds parts, and classes with `@stream`; answers the same app, so that it can be exported in one expression. */
  use(...parts: readonly (AppPart | HandlerClass)[]): App
}

/**
 * @example export const shop = app({ id: 'shop' }).use(revenue, board)
 */
export function app(options: AppOptions): App {
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/i.test(options.id)) {
    throw new BrokerError('invalid_request', `${JSON.stringify(options.id)} is not an app id`, {
      fix: 'use up to 63 letters, digits, dashes or underscores, starting with a letter or digit',
    })
  }
  const { onError = 'fail', store = 'sqlite' } = options
  if (!storeKinds.includes(store)) {
    throw new BrokerError('invalid_request', `${JSON.stringify(store)} is not a state store`, {
      fix: `one of ${storeKinds.join(', ')}`,
    })
  }
  // Throws here what it would throw at start.
  errorSettings(onError)
  const parts: AppPart[] = []
  const made: App = {
    [appBrand]: true,
    id: options.id,
    onError,
    store,
    memoryBytesMax: options.memory === undefined ? null : parseSize(options.memory),
    parts,
    use(...more) {
      parts.push(...more.map((part) => (typeof part === 'function' ? partOfClass(part) : part)))
      return made
    },
  }
  return made
}

/** Tells an app from anything else a module may export. */
export function isApp(value: unknown): value is App {
  return typeof value === 'object' && value !== null && appBrand in value
}
