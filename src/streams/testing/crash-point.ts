// Where an app can be stopped dead. Their names are public: tests of users' apps name them, too.

export const crashPoints = [
  /** Records were read, nothing was done with them yet. */
  'batch-read',
  /** A step was computed, its commit not yet handed over. */
  'overlay-written',
  /** Part of the commit was written: the log cuts it when it opens. */
  'frame-torn',
  /** The commit was written but not synced: it is whole, or was never there. */
  'frame-written',
  /** The commit is durable; the task does not know it. */
  'frame-durable',
  /** ... and everybody else can see it. */
  'mark-published',
  /** The commit is known to be durable, the store did not get to take it. */
  'store-applying',
  /** The store has it as well. */
  'store-applied',
  /** The store has it, and a power cut took it from a log that was not synced. */
  'store-ahead',
  /** The store belongs to another log. */
  'store-foreign',
  /** The store cannot be read. */
  'store-corrupt',
] as const

export type CrashPoint = (typeof crashPoints)[number]
