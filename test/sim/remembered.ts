// Seeds that once broke an invariant, of a log or of its simulation, and why. They are lived in every run.

export const rememberedSeeds: readonly { readonly seed: number; readonly why: string }[] = [
  { seed: 1165, why: 'on a full disk what was read back was served before it was durable' },
  { seed: 4777, why: 'on a full disk what was read back was served before it was durable' },
  { seed: 2536, why: 'a segment kept bytes behind its end when the next one was begun by a replay' },
  { seed: 3936, why: 'bytes that a start had cut from a segment came back with a power cut' },
  { seed: 2598, why: 'a file that a start had removed came back with a power cut' },
  { seed: 103208, why: 'a segment got its file of sums while the frame that closed it could still be lost' },
]
