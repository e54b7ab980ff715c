// Turns words into a command with checked arguments and flags, from the table alone.
import type { Command, Flag, Parsed } from './command.ts'
import { flagsOf, globalFlags } from './global-flags.ts'
import { nearest } from './nearest.ts'
import { UsageError } from './usage-error.ts'

/** `topic` without a verb, or nothing at all: help for the group, which is a mistake unless it was asked for. */
export type Unfinished = {
  readonly group: readonly string[]
  readonly asked: boolean
  readonly flags: Parsed['flags']
}

/** As `pspfctl`, words are those below `pspf ctl`, but for these. */
const everywhere = new Set(['help', 'version', 'completion', '__complete', '__app'])

export function withProgram(program: string, words: readonly string[]): readonly string[] {
  const [begin, ...rest] = words
  if (begin === '--version' || begin === '-v') return ['version', ...rest]
  const first = words.find((word) => !word.startsWith('-'))
  return program === 'pspfctl' && !everywhere.has(first ?? '') ? ['ctl', ...words] : words
}

/** Throws `UsageError`. */
export function parse(words: readonly string[], table: readonly Command[]): Parsed | Unfinished {
  const path: string[] = []
  const rest: string[] = []
  const flags = new Map<string, string[]>()
  let command: Command | undefined
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!
    if (command?.hidden) {
      rest.push(word)
    } else if (word === '--') {
      rest.push(...words.slice(index + 1))
      break
    } else if (word.startsWith('-') && word !== '-' && !isNegativeNumber(word)) {
      index += takeFlag(words, index, { command, path, flags })
    } else if (command) {
      rest.push(word)
    } else {
      path.push(word)
      command = find(table, path)
      if (!command) requireGroup(table, path)
    }
  }
  if (!command) return { group: path, asked: flags.has('help') || words.length === 0, flags }
  if (!flags.has('help') && !command.hidden) checkArguments(command, rest)
  return { command, words: rest, flags }
}

const isNegativeNumber = (word: string) => /^-\d/.test(word)

function find(table: readonly Command[], path: readonly string[]): Command | undefined {
  return table.find(
    (command) =>
      command.path.length === path.length && command.path.every((word, index) => word === path[index]),
  )
}

function requireGroup(table: readonly Command[], path: readonly string[]): void {
  if (table.some((command) => path.every((word, index) => command.path[index] === word))) return
  const above = path.slice(0, -1)
  const typed = path.at(-1)!
  const known = wordsBelow(table, above)
  const meant = nearest(typed, known)
  throw new UsageError(
    `unknown command "${[...above, typed].join(' ')}"`,
    meant ? `did you mean: pspf ${[...above, meant].join(' ')}` : `known: ${known.join(', ')}`,
  )
}

/** The words that may follow `path`, hidden commands left out. */
export function wordsBelow(table: readonly Command[], path: readonly string[]): string[] {
  const below = table.filter(
    (command) =>
      !command.hidden &&
      command.path.length > path.length &&
      path.every((word, index) => command.path[index] === word),
  )
  return [...new Set(below.map((command) => command.path[path.length]!))]
}

type FlagPlace = {
  readonly command: Command | undefined
  readonly path: readonly string[]
  readonly flags: Map<string, string[]>
}

/** Reads the flag at `index`; answers how many words after it were its value. */
function takeFlag(words: readonly string[], index: number, { command, path, flags }: FlagPlace): number {
  const word = words[index]!
  const known = command ? flagsOf(command.flags) : globalFlags
  const { name, attached } = splitFlag(word, known)
  const flag = known.find((candidate) => candidate.name === name || candidate.short === name)
  const called = name.length === 1 ? `-${name}` : `--${name}`
  if (!flag) throw unknownFlag(called, known, path)
  if (flag.value === undefined) {
    if (attached !== undefined) throw new UsageError(`${called} takes no value`, `write ${called} alone`)
    flags.set(flag.name, [])
    return 0
  }
  const next = words[index + 1]
  const value = attached ?? (next === undefined || looksLikeFlag(next) ? undefined : next)
  if (value === undefined) throw new UsageError(`${called} needs a value`, `${called} ${flag.value}`)
  // Mostly a variable that is not set: the default in its place would be somebody else's data.
  if (value === '') {
    throw new UsageError(`the value of ${called} is empty`, `${called} ${flag.value}, or leave it out`)
  }
  checkValue(flag, called, value)
  flags.set(flag.name, [...(flag.many ? (flags.get(flag.name) ?? []) : []), value])
  return attached === undefined ? 1 : 0
}

const looksLikeFlag = (word: string) => word.startsWith('-') && word !== '-' && !isNegativeNumber(word)

/** `--out=x`, `-ox`, `-o=x`, `-o` and `--out`. */
function splitFlag(word: string, known: readonly Flag[]): { name: string; attached: string | undefined } {
  const equals = word.indexOf('=')
  const head = equals < 0 ? word : word.slice(0, equals)
  const attached = equals < 0 ? undefined : word.slice(equals + 1)
  if (head.startsWith('--')) return { name: head.slice(2), attached }
  const short = head[1] ?? ''
  const glued = head.length > 2 && known.some((flag) => flag.short === short && flag.value !== undefined)
  return glued ? { name: short, attached: word.slice(2) } : { name: head.slice(1), attached }
}

function unknownFlag(called: string, known: readonly Flag[], path: readonly string[]): UsageError {
  const meant = nearest(
    called.replace(/^-+/, ''),
    known.map((flag) => flag.name),
  )
  const command = ['pspf', ...path].join(' ')
  return new UsageError(
    `unknown flag ${called} for "${command}"`,
    meant ? `did you mean --${meant}` : `see ${command} --help`,
  )
}

function checkValue(flag: Flag, called: string, value: string): void {
  if (flag.choices && !flag.choices.includes(value)) {
    const meant = nearest(value, flag.choices)
    const known = flag.choices.length === 1 ? `${called} takes` : 'it is one of'
    throw new UsageError(
      `${called} cannot be "${value}"`,
      `${meant ? `did you mean ${meant}; ` : ''}${known} ${flag.choices.join(', ')}`,
    )
  }
  if (flag.number && !(/^\d+$/.test(value) && Number.isSafeInteger(Number(value)))) {
    throw new UsageError(`${called} must be a whole number, not "${value}"`, `for example ${called} 10`)
  }
}

function checkArguments(command: Command, words: readonly string[]): void {
  const wanted = command.arguments ?? []
  const line = ['pspf', ...command.path].join(' ')
  const missing = wanted.find((argument, index) => !argument.optional && words[index] === undefined)
  if (missing) {
    throw new UsageError(
      `${missing.name} is missing: ${missing.help}`,
      command.examples[0] ? `for example: pspf ${command.examples[0]}` : `${line} --help`,
    )
  }
  if (words.length > wanted.length && !wanted.at(-1)?.many) {
    throw new UsageError(`"${words[wanted.length]}" is one word too many for "${line}"`, `see ${line} --help`)
  }
}
