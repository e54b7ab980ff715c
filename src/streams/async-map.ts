// Asynchronous work on each row: calls of a service, a model, a database. So many at once, in order or not.
import { BrokerError, type Duration, type Millis, parseDuration } from '#base'
import { retriesMax } from './error-policy.ts'
import { checkedName } from './graph/collect.ts'
import { type AsyncNode, link, type Node } from './graph/node.ts'

/** Handed to the function beside its row. */
export type AsyncCall = {
  /**
   * Identifies the row: `node/topic/partition/offset`. After a crash a call may be made again, with the same key: hand it
   * on to a service that knows idempotence keys.
   */
  readonly key: string
  /** 1 for the first try. */
  readonly attempt: number
  /** Aborted when nobody waits for the answer any more: after `timeout`, or when the app stops. */
  readonly signal: AbortSignal
}

export type AsyncOptions = {
  /** Calls at once, in each task. Default 16. When all are taken, the task reads no further. */
  readonly concurrency?: number
  /** `'preserve'` (default): rows go out in the order in which they came in. `'any'`: as they are answered. */
  readonly order?: 'preserve' | 'any'
  /** After that long a call has failed. Default `'30s'`. */
  readonly timeout?: Duration
  /** How often a call that failed is made again. Default: as `onError` of this step says, else not. */
  readonly retry?: number
  /** Before the first retry; twice as long before each one after it, up to a minute. Default `'100ms'`. */
  readonly backoff?: Duration
}

/** Bounds the rows that wait in memory and in each commit. */
export const concurrencyMax = 10_000
const defaultConcurrency = 16
const defaultTimeout: Duration = '30s'
const defaultBackoff: Duration = '100ms'

export type AsyncSettings = {
  readonly concurrency: number
  readonly order: 'preserve' | 'any'
  readonly timeoutMs: Millis
  /** null: as the node's error policy says. */
  readonly retries: number | null
  readonly backoffMs: Millis
}

export function asyncMap(
  parent: Node,
  name: string,
  { call, options }: { readonly call: AsyncNode['call']; readonly options: AsyncOptions },
): Node {
  const { concurrency = defaultConcurrency, order = 'preserve', retry = null } = options
  const refuse = (what: string, fix: string) => {
    throw new BrokerError('invalid_request', `async "${name}" cannot ${what}`, { fix })
  }
  if (!isWhole(concurrency, 1, concurrencyMax)) {
    refuse(`make ${concurrency} calls at once`, `use a whole number from 1 to ${concurrencyMax}`)
  }
  if (retry !== null && !isWhole(retry, 0, retriesMax)) {
    refuse(`try again ${retry} times`, `use a whole number up to ${retriesMax}`)
  }
  const settings: AsyncSettings = {
    concurrency,
    order,
    timeoutMs: parseDuration(options.timeout ?? defaultTimeout),
    retries: retry,
    backoffMs: parseDuration(options.backoff ?? defaultBackoff),
  }
  return link<AsyncNode>({ kind: 'async', name: checkedName(name), call, settings, parents: [parent] })
}

const isWhole = (value: number, least: number, most: number): boolean =>
  Number.isSafeInteger(value) && value >= least && value <= most
