// Every bound of the stream runtime by name.

export const defaultLimits = {
  /** Asked for in one read; so what a task buffers per input is about twice this. */
  sliceSizeBytesMax: 512 * 1024,
  /** How long one read waits for records; also how finely silence is measured. */
  pollMs: 500,
  /** Records processed before a commit is looked at again. */
  stepRecordsMax: 2_000,
  /** Input records, and bytes of output and state, that one commit takes. Both are soft: the record that passes them is in. */
  commitRecordsMax: 20_000,
  commitSizeBytesMax: 4 * 1024 * 1024,
  /** How long a commit of a task that is behind by more than one commit waits to get full. */
  gatherMs: 100,
  /** Tries of a read or commit that the log refuses for now (busy, disk full), and the pause between them. */
  readTriesMax: 20,
  commitTriesMax: 20,
  retryMs: 250,
  /** Changes that wait for the store, and for how long: also what a kill leaves to be read back from the changelog. */
  applyMutationsMax: 20_000,
  applyAfterMs: 1_000,
  /** Keys of one node kept as objects, beside what changed since the last commit. */
  workingKeysMax: 200_000,
  /** Changes applied to a store in one transaction while it is brought forward. */
  restoreMutationsMax: 50_000,
  /** Times that a damaged store is dropped and rebuilt before its task gives up. */
  rebuildsMax: 3,
  /** Timers that lead to each other while event time stands still or jumps once: a second each is more than a day. */
  timerChainMax: 100_000,
  /** Segment files a reader keeps open. */
  openFilesMax: 16,
}

export type RuntimeLimits = Readonly<typeof defaultLimits>
