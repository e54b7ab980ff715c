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
  /** A process asked to stop gets this long to commit and close. */
  readonly stopWithinMs: number
  /** A process above this much memory is killed; null has no limit. */
  readonly memoryBytesMax: number | null
}

export const supervisionLimits: SupervisionLimits = {
  firstDelayMs: 500,
  delayMsMax: 30_000,
  healthyAfterMs: 60_000,
  quickFailuresMax: 8,
  unresponsiveAfterMs: 30_000,
  stopWithinMs: 10_000,
  memoryBytesMax: null,
}

/** Part of a delay that is left to chance, so that apps broken by one cause do not all start at once. */
const jitter = 0.2

export type RestartDecision =
  | { readonly kind: 'restart'; readonly afterMs: number; readonly quickFailures: number }
  | { readonly kind: 'give-up' }

/** `ranMs`: how long the process was up; `quickFailures`: those in a row before it. */
export function decideRestart(
  { ranMs, quickFailures }: { ranMs: number; quickFailures: number },
  limits: SupervisionLimits,
  random: Random,
): RestartDecision {
  const failures = ranMs >= limits.healthyAfterMs ? 1 : quickFailures + 1
  if (failures >= limits.quickFailuresMax) return { kind: 'give-up' }
  const delay = Math.min(limits.delayMsMax, limits.firstDelayMs * 2 ** (failures - 1))
  const afterMs = Math.round(delay * (1 - jitter + (2 * jitter * random.below(1_001)) / 1_000))
  return { kind: 'restart', afterMs: Math.min(afterMs, limits.delayMsMax), quickFailures: failures }
}
