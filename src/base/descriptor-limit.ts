// How many files this process may have open, as far as the system says it in a file.
import { readFileSync } from 'node:fs'

/** null: not known here. */
export function descriptorLimit(): number | null {
  if (process.platform !== 'linux') return null
  let limits: string
  try {
    limits = readFileSync('/proc/self/limits', 'utf8')
  } catch {
    // Without /proc there is nothing else to ask.
    return null
  }
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  return soft === undefined ? null : Number(soft)
}
