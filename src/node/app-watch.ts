// Tells when files have changed. Asked, not told: editors replace files in ways that no watcher of a platform agrees on,
// and a few dozen stats four times a second cost nothing.
import { statSync } from 'node:fs'
import { realClock, type Timer } from '#base'

const everyMs = 250

/** Calls `onChange` after any of the files has changed, once they have stopped changing. Answers how to stop. */
export function watchFiles(files: () => readonly string[], onChange: (file: string) => void): () => void {
  const clock = realClock()
  let known = stampsOf(files())
  let changed: string | null = null
  let timer: Timer
  const look = () => {
    const now = stampsOf(files())
    const different = [...now].find(([file, stamp]) => (known.get(file) ?? stamp) !== stamp)?.[0]
    known = now
    if (different !== undefined) changed = different
    else if (changed !== null) {
      onChange(changed)
      changed = null
    }
    timer = clock.after(everyMs, look)
  }
  timer = clock.after(everyMs, look)
  return () => timer.cancel()
}

/** A file that is gone has a stamp, too: editors save by writing another and renaming it. */
function stampsOf(files: readonly string[]): Map<string, string> {
  return new Map(
    files.map((file) => {
      const found = statSync(file, { throwIfNoEntry: false })
      return [file, found === undefined ? 'gone' : `${found.mtimeMs} ${found.size} ${found.ino}`] as const
    }),
  )
}
