// Bounds of table queries. They run between the steps of a task, so each is short.

export const tableLimits = {
  /** Rows of one answer, and roughly their size as JSON. */
  rowsMax: 1_000,
  answerSizeBytesMax: 1024 * 1024,
  /** Entries of the state that one answer looks at, in each task. */
  scannedMax: 200_000,
  /** Rows of a table that are counted for the list of tables. */
  countedMax: 1_000,
  /** How often a query that waits for a position looks again. */
  pollMs: 5,
  /** Questions to one app that wait for their answer; one more is refused as `busy`. */
  questionsMax: 64,
  /** How long an app has for an answer, and how long may be asked for. */
  answerWithinMs: 2_000,
  answerWithinMsMax: 30_000,
} as const

export type TableLimits = { readonly [Name in keyof typeof tableLimits]: number }
