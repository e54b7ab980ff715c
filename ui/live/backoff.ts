// How long to wait before the next attempt to connect: exponential, with full jitter, so that a thousand pages that
// lost the same server do not return in the same moment.

export const firstDelayMs = 500
export const delayMsMax = 20_000

/** `attempt` counts failures since the last good connection, from 0. `suggestedMs`: what a stopping server asked for. */
export function decideDelayMs(attempt: number, random: () => number, suggestedMs?: number): number {
  if (suggestedMs !== undefined) {
    const asked = Math.min(delayMsMax, Math.max(firstDelayMs, suggestedMs))
    return Math.min(delayMsMax, Math.round(asked * (0.75 + random() * 0.5)))
  }
  const ceiling = Math.min(delayMsMax, firstDelayMs * 2 ** Math.min(attempt + 1, 16))
  return Math.round(firstDelayMs + random() * (ceiling - firstDelayMs))
}
