// How fast something changes: what changes several times a second jumps, since moving all the time costs more than it
// shows.

/** Changes closer than this are hurried. */
export const calmMs = 600

export type Pace = { value: unknown; at: number; hurried: boolean }

export const noPace: Pace = { value: undefined, at: Number.NEGATIVE_INFINITY, hurried: false }

/** The pace after `value` was seen at `at`; the same value again changes nothing. */
export function paceAfter(pace: Pace, value: unknown, at: number): Pace {
  return pace.value === value ? pace : { value, at, hurried: at - pace.at < calmMs }
}
