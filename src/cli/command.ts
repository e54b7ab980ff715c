// A command as data. One table of these drives parsing, help, completions and `help -o json`, so they cannot drift.
import { assert } from '#base'
import type { Format } from './global-flags.ts'
import type { Session } from './session.ts'

/** What a command does to the node: shown in help, so that one knows before one tries. */
export type Effect = 'read-only' | 'writes' | 'destructive' | 'runs'

/** What completes a value: names asked from the node, files, or a fixed list. */
export type Completes =
  | 'topic'
  | 'group'
  | 'app'
  | 'dlq'
  | 'table'
  | 'example'
  | 'command'
  | 'file'
  | readonly string[]

export type Argument = {
  /** As help shows it: `TOPIC`. */
  readonly name: string
  readonly help: string
  readonly optional?: boolean
  /** Takes all that follow; only for the last one. */
  readonly many?: boolean
  readonly completes?: Completes
}

export type Flag = {
  /** Without dashes. */
  readonly name: string
  /** One letter: `n` for `-n`. */
  readonly short?: string
  /** How help shows the value; absent for a switch. */
  readonly value?: string
  readonly help: string
  /** May be given more than once. */
  readonly many?: boolean
  readonly choices?: readonly string[]
  readonly completes?: Completes
  /** Environment twin. */
  readonly env?: string
  readonly fallback?: string
  /** Whole number from 0. */
  readonly number?: boolean
}

export type Command = {
  /** `['topic', 'create']` */
  readonly path: readonly string[]
  readonly summary: string
  /** More than the summary, if there is more to say. */
  readonly details?: string
  readonly effect: Effect
  readonly arguments?: readonly Argument[]
  readonly flags?: readonly Flag[]
  /** Command lines without the program's name. Help shows them first. */
  readonly examples: readonly string[]
  /** What `--output` is when it is not given. */
  readonly defaultFormat?: Format
  /** Not in help or completions: for our own processes and shells. Takes its words unparsed. */
  readonly hidden?: boolean
  /** Answers the exit code. */
  run(call: Call): Promise<number>
}

export type FlagValues = ReadonlyMap<string, readonly string[]>

/** One invocation of a command, parsed and checked. Its functions need no `this`, so commands may take them apart. */
export type Call = {
  readonly session: Session
  readonly words: readonly string[]
  /** A required argument by its name in the table. */
  argument(name: string): string
  /** Whether a switch was given. */
  on(flag: string): boolean
  text(flag: string): string | undefined
  texts(flag: string): readonly string[]
  /** A flag with `number: true`, which the parser has checked. */
  number(flag: string): number | undefined
  readonly flags: FlagValues
}

export function callOf({ command, words, flags }: Parsed, session: Session): Call {
  const text = (flag: string) => flags.get(flag)?.at(-1)
  return {
    session,
    words,
    flags,
    argument(name) {
      const value = words[command.arguments?.findIndex((argument) => argument.name === name) ?? -1]
      assert(value !== undefined, `${command.path.join(' ')} takes ${name}`)
      return value
    },
    on: (flag) => flags.has(flag),
    text,
    texts: (flag) => flags.get(flag) ?? [],
    number(flag) {
      const value = text(flag)
      return value === undefined ? undefined : Number(value)
    },
  }
}

export type Parsed = {
  readonly command: Command
  readonly words: readonly string[]
  readonly flags: FlagValues
}
