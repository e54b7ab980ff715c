// When an app whose process ended is started again.
import type { Random } from '#base'

export type SupervisionLimits = {
  /** The first restart waits about this long, each further one twice as long, */
  readonly firstDelayMs: number
  /** but never longer than this. */
  readonly delayMsMax: number
  /** A process that ran this long was healthy: its end starts a new count. */
  readonly healthyAfterMs: number
  /** After so many quick failures in a row the app is `failed` and waits for `resume`. */
  readonly quickFailuresMax: number
  /** A process that says nothing for so long is stuck, and killed. It speaks every second. */
  readonly unresponsiveAfterMs: number
  /** One that says nothing for so long is shown as such. */
  readonly quietAfterMs: number
  /** A process asked to pause gets this long to commit what it has read; then it is killed, which pauses it too. */
  readonly pauseWithinMs: number
  /** A process asked to stop gets this long to commit and close. */
  readonly stopWithinMs: number
  /** A process above this much memory is killed, unless its app says a limit of its own; null has no limit. */
  readonly memoryBytesMax: number | null
  /** How often the kernel is asked for it. */
  readonly memoryEveryMs: number
}

export const supervisionLimits: SupervisionLimits = {
  firstDelayMs: 500,
  delayMsMax: 30_000,
  healthyAfterMs: 60_000,
  quickFailuresMax: 8,
  unresponsiveAfterMs: 30_000,
  quietAfterMs: 5_000,
  pauseWithinMs: 10_000,
  stopWithinMs: 10_000,
  memoryBytesMax: null,
  memoryEveryMs: 250,
}

/** Part of a delay that is left to chance, so that apps broken by one cause do not all start at once. */
const jitter = 0.2

/** What came before, since the app was last healthy. */
export type FailureCount = {
  /** Failures that lead to `give-up`: not those for which only time is to blame. */
  readonly quickFailures: number
  /** Restarts of any cause: they make the delay longer. */
  readonly restarts: number
}

export const noFailures: FailureCount = { quickFailures: 0, restarts: 0 }

export type RestartDecision =
  | { readonly kind: 'restart'; readonly afterMs: number; readonly count: FailureCount }
  | { readonly kind: 'give-up' }

/** `ranMs`: how long the process was up; `retriable`: it may go well by itself later, as when the disk is full. */
export function decideRestart(
  { ranMs, retriable, count }: { ranMs: number; retriable: boolean; count: FailureCount },
  limits: SupervisionLimits,
  random: Random,
): RestartDecision {
  const before = ranMs >= limits.healthyAfterMs ? noFailures : count
  const quickFailures = before.quickFailures + (retriable ? 0 : 1)
  if (quickFailures >= limits.quickFailuresMax) return { kind: 'give-up' }
  const delay = Math.min(limits.delayMsMax, limits.firstDelayMs * 2 ** before.restarts)
  const afterMs = Math.round(delay * (1 - jitter + (2 * jitter * random.below(1_001)) / 1_000))
  return {
    kind: 'restart',
    afterMs: Math.min(afterMs, limits.delayMsMax),
    count: { quickFailures, restarts: before.restarts + 1 },
  }
}
