// The terminal, passed in: streams, environment, signals and clock as commands see them. `realTerminal` is the only
// place of the cli that touches the process.
import { basename } from 'node:path'
import { type Clock, realClock, systemCode } from '#base'

/** Whoever reads our output has gone: the command ends silently with 0, as `pspf consume t | head` should. */
export class ClosedPipe extends Error {
  override readonly name = 'ClosedPipe'
}

/** Ctrl-C: the command prints what it has done so far and ends with 130. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

export type Terminal = {
  /** The name it was called by: `pspf` or `pspfctl`. */
  readonly program: string
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingDirectory: string
  readonly inputIsTerminal: boolean
  readonly outputIsTerminal: boolean
  readonly messagesAreTerminal: boolean
  /** Width in characters. */
  readonly columns: number
  readonly clock: Clock
  /** Aborted by Ctrl-C or a termination signal; a second one ends the process at once. */
  readonly interrupted: AbortSignal
  /** Data, on stdout. Resolves when the reader has taken it; rejects with `ClosedPipe` when there is none. */
  out(text: string): Promise<void>
  /** Messages, on stderr. */
  err(text: string): void
  input(): AsyncIterable<Uint8Array>
  /** Asks a person; null without an answer. Only where `inputIsTerminal` and `outputIsTerminal` hold. */
  ask(question: string): string | null
}

/** Supervisors signal a process and its group: two signals this close together are one. */
const oneInterruptMs = 500

export function realTerminal(): Terminal {
  const stdout = Bun.stdout.writer()
  const clock = realClock()
  const interrupt = new AbortController()
  let interruptedAt = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (!interrupt.signal.aborted) interruptedAt = clock.monotonic()
      else if (clock.monotonic() - interruptedAt > oneInterruptMs) process.exit(130)
      interrupt.abort(new Interrupted(signal))
    })
  }
  return {
    program: programName(process.argv0),
    arguments: process.argv.slice(2),
    environment: process.env,
    workingDirectory: process.cwd(),
    inputIsTerminal: process.stdin.isTTY === true,
    outputIsTerminal: process.stdout.isTTY === true,
    messagesAreTerminal: process.stderr.isTTY === true,
    columns: process.stdout.columns || 80,
    clock,
    interrupted: interrupt.signal,
    async out(text) {
      try {
        // Either may be a promise that fails, large texts in `write`; neither may fail unseen.
        await Promise.all([stdout.write(text), stdout.flush()])
      } catch (thrown) {
        throw systemCode(thrown) === 'EPIPE' ? new ClosedPipe('stdout') : thrown
      }
    },
    err(text) {
      process.stderr.write(text)
    },
    input: () => Bun.stdin.stream(),
    ask: (question) => prompt(question),
  }
}

/** The same executable under two names; a development run is called `bun`. */
export function programName(calledAs: string): string {
  return basename(calledAs).replace(/\.exe$/, '') === 'pspfctl' ? 'pspfctl' : 'pspf'
}
