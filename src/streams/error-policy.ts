// What becomes of a row on which a function throws.
import { asMillis, BrokerError, type Duration, type Millis, parseDuration } from '#base'

/**
 * `'fail'`: the app stops, with the place. `'skip'`: the row is left out and counted. `'dead-letter'`: the same, and its
 * record goes to the topic `<topic>.dead`, in the same commit, with where and why. Retries come before any of these.
 */
export type ErrorPolicy = LastResort | RetryPolicy
export type LastResort = 'fail' | 'skip' | 'dead-letter'

export type RetryPolicy = {
  /** How often the record is tried again. Until it is through, its partition waits, so that the order stays. */
  readonly retry: number
  /** Before the first retry; twice as long before each one after it, up to a minute. Default `'100ms'`. */
  readonly backoff?: Duration
  /** When all have failed. Default `'fail'`. */
  readonly otherwise?: LastResort
}

export type ErrorSettings = {
  readonly retries: number
  readonly backoffMs: Millis
  readonly otherwise: LastResort
}

export const retriesMax = 100
const backoffMsMax = 60_000
const defaultBackoff: Duration = '100ms'

export function errorSettings(policy: ErrorPolicy): ErrorSettings {
  if (typeof policy === 'string') return { retries: 0, backoffMs: asMillis(0), otherwise: policy }
  const { retry, backoff = defaultBackoff, otherwise = 'fail' } = policy
  if (!Number.isSafeInteger(retry) || retry < 0 || retry > retriesMax) {
    throw new BrokerError('invalid_request', `a row cannot be tried again ${retry} times`, {
      fix: `use a whole number up to ${retriesMax}`,
    })
  }
  return { retries: retry, backoffMs: parseDuration(backoff), otherwise }
}

/** Before retry `n`, from 1 on: `100ms -> 100, 200, 400, ...` */
export function backoffBefore({ backoffMs }: Pick<ErrorSettings, 'backoffMs'>, n: number): number {
  return Math.min(backoffMsMax, backoffMs * 2 ** (n - 1))
}
