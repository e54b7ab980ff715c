// What a command works with: the terminal, the node behind `--url`, and the renderer, made from the global flags.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { BrokerError, parseDuration, systemCode } from '#base'
import { Client } from './client.ts'
import type { FlagValues } from './command.ts'
import type { Format } from './global-flags.ts'
import { Output } from './output/output.ts'
import { type Paint, paintFor } from './output/style.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

export class Session {
  readonly terminal: Terminal
  readonly output: Output
  /** Colours of stderr. */
  readonly paint: Paint
  readonly quiet: boolean
  readonly #flags: FlagValues
  #client: Client | undefined

  constructor(terminal: Terminal, flags: FlagValues, defaultFormat: Format = 'table') {
    const text = (flag: string) => flags.get(flag)?.at(-1)
    const color = text('color')
    this.terminal = terminal
    this.#flags = flags
    this.quiet = flags.has('quiet')
    this.paint = paintFor(terminal, terminal.messagesAreTerminal, color)
    this.output = new Output({
      terminal,
      format: (text('output') as Format | undefined) ?? defaultFormat,
      fields: text('fields')
        ?.split(',')
        .map((field) => field.trim())
        .filter(Boolean),
      headers: !flags.has('no-headers'),
      paint: paintFor(terminal, terminal.outputIsTerminal, color),
    })
  }

  /** The node that `--url`, `PSPF_URL` or the default names. Nothing is sent before the first question. */
  get client(): Client {
    this.#client ??= new Client({
      url: this.#setting('url', 'PSPF_URL') ?? 'http://127.0.0.1:7070',
      token: this.#token(),
      timeoutMs: this.#timeoutMs(),
      signal: this.terminal.interrupted,
    })
    return this.#client
  }

  /** A note for people on stderr, unless they asked for quiet. */
  note(text: string): void {
    if (!this.quiet) this.terminal.err(`${text}\n`)
  }

  /** Consent to something destructive: `--yes`, or the name typed by a person. Anything else is a `UsageError`. */
  confirm(what: string, name: string): void {
    if (this.#flags.has('yes') || this.#flags.has('dry-run')) return
    const { terminal } = this
    const mayAsk = terminal.inputIsTerminal && terminal.outputIsTerminal && !this.#flags.has('no-input')
    if (!mayAsk) throw new UsageError(`${what}, which needs your consent; nothing was done`, 'add --yes')
    if (terminal.ask(`${what}. Type ${name} to go on:`) !== name) {
      throw new UsageError(`nothing was done: "${name}" was not typed`, 'type the name, or add --yes')
    }
  }

  #setting(flag: string, variable: string): string | undefined {
    return this.#flags.get(flag)?.at(-1) ?? (this.terminal.environment[variable] || undefined)
  }

  #token(): string | undefined {
    const given = this.#flags.get('token-file')?.at(-1)
    const file =
      given ??
      (this.terminal.environment['PSPF_TOKEN'] ? undefined : this.terminal.environment['PSPF_TOKEN_FILE'])
    return file
      ? readToken(resolve(this.terminal.workingDirectory, file))
      : this.terminal.environment['PSPF_TOKEN'] || undefined
  }

  #timeoutMs(): number {
    try {
      return parseDuration(this.#flags.get('timeout')?.at(-1) ?? '30s')
    } catch (thrown) {
      if (thrown instanceof BrokerError)
        throw new UsageError(`--timeout: ${thrown.message}`, thrown.fix ?? '')
      throw thrown
    }
  }
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (thrown) {
    throw new UsageError(
      `token file ${path} cannot be read (${systemCode(thrown) ?? 'unknown error'})`,
      'check --token-file',
    )
  }
}
