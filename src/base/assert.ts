// Our own mistakes, as opposed to the world's: a broken invariant stops the node (see errors.ts for the rest).

/** A broken invariant of pspf itself. Never caught to go on; the process reports it and stops. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/**
 * States a fact that must hold. `inWords` completes "it must be that ...".
 * @example assert(batch.baseOffset === writtenEnd, 'batches are contiguous')
 */
export function assert(fact: unknown, inWords: string): asserts fact {
  if (!fact) throw new AssertionError(`broken invariant: ${inWords}`)
}

/** Marks a branch that the types say cannot be reached, so that a new union member fails to compile. */
export function unreachable(value: never): never {
  throw new AssertionError(`broken invariant: unexpected ${JSON.stringify(value)}`)
}
