// Files on their way out. They are removed in the background, but not while a snapshot may still read them; a crash in
// between leaves them to the next start, which removes what the log does not know.
import { toError } from '#base'
import type { LogContext } from '../options.ts'

export class Removals {
  readonly #context: Pick<LogContext, 'disk' | 'logger'>
  readonly #waiting: string[] = []
  #holds = 0

  constructor(context: Pick<LogContext, 'disk' | 'logger'>) {
    this.#context = context
  }

  remove(path: string): void {
    if (this.#holds > 0) this.#waiting.push(path)
    else this.#removeBehind(path)
  }

  /** Nothing is removed until the answer is called. */
  hold(): () => void {
    this.#holds++
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#holds--
      if (this.#holds === 0) for (const path of this.#waiting.splice(0)) this.#removeBehind(path)
    }
  }

  #removeBehind(path: string): void {
    const { disk, logger } = this.#context
    disk.removeBehind(path).catch((thrown) => {
      // The next start finds it unknown to the log and removes it.
      logger.warn({ err: toError(thrown), path }, 'not removed')
    })
  }
}
