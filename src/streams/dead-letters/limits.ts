// Bounds of the work with dead letters, which is done on the node's thread in small steps.

const MiB = 2 ** 20

export const deadLetterLimits = {
  /** Of one read. */
  readBytesMax: 1 * MiB,
  /** Letters that one commit of a replay holds, and roughly their bytes. */
  commitLettersMax: 1_000,
  commitBytesMax: 4 * MiB,
  /** Letters that one call sends; it says whether there are more. */
  replayedPerCallMax: 100_000,
  /** Letters among which a replay knows those of one record: some 200 bytes each while it runs. */
  lettersComparedMax: 250_000,
  /** Letters of one record that are settled together; others of it follow when the replay comes to them. */
  lettersOfRecordMax: 100,
  /** Letters of a page, and roughly their bytes. */
  pageLettersMax: 1_000,
  pageBytesMax: 4 * MiB,
  /** Letters that one page looks at for those that fit its filter. */
  scannedPerPageMax: 5_000,
  /** Letters read at once, from newest to oldest. */
  windowLetters: 100,
  /** Newest letters of a topic from which its causes are told, and how many causes. */
  causesFromLetters: 100,
  causesMax: 5,
  /** Gaps between letters that were replayed: each costs room in memory and in every note of the partition. */
  rangesMax: 10_000,
  /** Letters that a replay left alone and names. */
  skippedNamedMax: 100,
} as const

export type DeadLetterLimits = { readonly [Name in keyof typeof deadLetterLimits]: number }
