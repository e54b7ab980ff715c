// A terminal in memory, with a clock that only tests move.
import type { Clock } from '#base'
import { Interrupted, type Terminal } from '../../src/cli/terminal.ts'

export type FakeOptions = {
  readonly words?: readonly string[]
  readonly program?: string
  readonly environment?: Record<string, string>
  readonly input?: readonly string[]
  readonly isTerminal?: boolean
  readonly answer?: string
  readonly columns?: number
}

export class FakeTerminal implements Terminal {
  readonly program: string
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingDirectory = process.cwd()
  readonly inputIsTerminal: boolean
  readonly outputIsTerminal: boolean
  readonly messagesAreTerminal: boolean
  readonly columns: number
  readonly clock: Clock
  readonly questions: string[] = []
  stdout = ''
  stderr = ''
  readonly #input: readonly string[]
  readonly #answer: string | null
  readonly #interrupt = new AbortController()

  constructor(options: FakeOptions = {}) {
    this.program = options.program ?? 'pspf'
    this.arguments = options.words ?? []
    this.environment = options.environment ?? {}
    this.inputIsTerminal = options.isTerminal ?? false
    this.outputIsTerminal = options.isTerminal ?? false
    this.messagesAreTerminal = options.isTerminal ?? false
    this.columns = options.columns ?? 80
    this.#input = options.input ?? []
    this.#answer = options.answer ?? null
    // Waits end at once, in turn, except the progress line's, which nobody asks for here.
    this.clock = {
      now: () => 0,
      monotonic: () => 0,
      after: (delayMs, action) => {
        if (delayMs >= 200 && !this.slowTimers) return { cancel: () => undefined }
        const timer = setTimeout(action, 0)
        return { cancel: () => clearTimeout(timer) }
      },
    }
  }

  /** Whether waits of 200 ms and more end too. */
  slowTimers = false

  get interrupted(): AbortSignal {
    return this.#interrupt.signal
  }

  interrupt(): void {
    this.#interrupt.abort(new Interrupted('SIGINT'))
  }

  async out(text: string): Promise<void> {
    this.stdout += text
  }

  err(text: string): void {
    this.stderr += text
  }

  async *input(): AsyncGenerator<Uint8Array> {
    for (const chunk of this.#input) yield new TextEncoder().encode(chunk)
  }

  ask(question: string): string | null {
    this.questions.push(question)
    return this.#answer
  }
}
