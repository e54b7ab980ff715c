// Which dead letters are meant: those of a node, of an error.
import type { DeadLetter } from '../dead-letter.ts'

export type LetterFilter = {
  /** Id of the node that could not process them. */
  readonly node?: string
  /** Part of the error's text, capital or small. */
  readonly error?: string
}

export function matches(letter: DeadLetter | null, { node, error }: LetterFilter): boolean {
  if (node !== undefined && letter?.node !== node) return false
  return error === undefined || (letter?.error.toLowerCase().includes(error.toLowerCase()) ?? false)
}
