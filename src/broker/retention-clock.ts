// The clock that retention goes by. A wall clock that is wrong by ten years must not delete everything, and a machine
// that was off must not keep everything for ever; a single reading cannot tell the two apart. The rule:
//
//   1. The retention clock follows the wall clock as long as both agree on the time that passed.
//   2. A leap ahead (a step beyond the measured uptime) of up to a day is believed at once: nights, restarts, zones.
//   3. A longer leap is doubted: the clock runs at twice the speed of uptime until the leap left is a day or less. So
//      a machine that really was off for a week has caught up after six days, and while a clock is wrong by ten years
//      records age at twice their speed and no faster: there are days to notice and correct it.
//   4. It never goes back. Where the wall clock falls behind, it stands still and nothing ages.
//   5. How far it came is a record, so a restart is no way around rule 3.
//   6. A wall clock from before pspf existed is one that nobody has set (a gateway without a battery starts in 1970).
//      Nothing ages by it. The first believable reading is taken as it is, and no record counts as older than that moment.
//
// Ages are counted from append times. Records that were appended while the clock was ahead have append times ahead too:
// they age when the wall clock gets there; until then only `retentionBytes` bounds them.
import { asMillis, type Millis } from '#base'

/** What no clock of a machine that runs pspf can say. */
export const unsetBefore = Date.UTC(2025, 0, 1)
export const leapBelievedMs = 24 * 60 * 60 * 1000
export const catchUpSpeed = 2

export type RetentionTime = {
  readonly now: Millis
  /** How far the wall clock is ahead of what is believed; 0 when they agree. */
  readonly doubtedMs: number
  /** It was set just now, for the first time. */
  readonly wasSet?: true
}

/** `uptimeMs`: monotonic time since `previous` was decided (0 right after a start). */
export function advanceRetentionClock(facts: {
  readonly previous: Millis
  readonly uptimeMs: number
  readonly wallNow: number
}): RetentionTime {
  const { previous, uptimeMs, wallNow } = facts
  if (previous < unsetBefore && wallNow >= unsetBefore) {
    return { now: asMillis(wallNow), doubtedMs: 0, wasSet: true }
  }
  if (wallNow <= previous || wallNow < unsetBefore) return { now: previous, doubtedMs: 0 }
  const leapMs = wallNow - previous - uptimeMs
  if (leapMs <= leapBelievedMs) return { now: asMillis(wallNow), doubtedMs: 0 }
  const now = asMillis(Math.floor(previous + uptimeMs * catchUpSpeed))
  return { now, doubtedMs: wallNow - now }
}
