// Progress of a long command, on stderr only: one redrawn line on a terminal, else a plain line now and then.
import { formatDuration, type Timer } from '#base'
import type { Session } from '../session.ts'
import { rateText } from './text-forms.ts'

const redrawMs = 200
const plainLineMs = 5_000

export class Progress {
  readonly #session: Session
  readonly #noun: string
  readonly #startedAt: number
  #timer: Timer | null = null
  #count = 0
  #drawn = false

  constructor(session: Session, noun: string) {
    this.#session = session
    this.#noun = noun
    this.#startedAt = session.terminal.clock.monotonic()
    if (!session.quiet) this.#schedule()
  }

  set(count: number): void {
    this.#count = count
  }

  /** Ends with a summary for people. */
  end(): void {
    this.#timer?.cancel()
    this.#timer = null
    const { terminal } = this.#session
    if (this.#drawn) terminal.err('\r\x1b[K')
    if (terminal.messagesAreTerminal) this.#session.note(this.#text())
  }

  #schedule(): void {
    const { terminal } = this.#session
    this.#timer = terminal.clock.after(terminal.messagesAreTerminal ? redrawMs : plainLineMs, () => {
      if (terminal.messagesAreTerminal) terminal.err(`\r\x1b[K${this.#text()}`)
      else terminal.err(`${this.#text()}\n`)
      this.#drawn = terminal.messagesAreTerminal
      this.#schedule()
    })
  }

  #text(): string {
    const tookMs = Math.max(1, this.#session.terminal.clock.monotonic() - this.#startedAt)
    return `${this.#count} ${this.#noun} in ${formatDuration(tookMs)} (${rateText((this.#count / tookMs) * 1000)}/s)`
  }
}
