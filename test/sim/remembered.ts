// Seeds that once broke an invariant, of a log or of its simulation, and why. They are lived in every run.

export const rememberedSeeds: readonly { readonly seed: number; readonly why: string }[] = []
