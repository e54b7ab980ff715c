// What may stand at the cursor: the engine behind the completions of every shell, from the table and from the node.
import { BrokerError } from '#base'
import { Client } from '../client.ts'
import type { Argument, Command, Completes, Flag } from '../command.ts'
import { flagsOf, globalFlags } from '../global-flags.ts'
import { withProgram, wordsBelow } from '../parse.ts'
import type { Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'

/** A shell that waits for a node is worse than one without names. */
const askTimeoutMs = 300

/** Tells the shell's script to complete file names by itself. */
export const filesDirective = ':files'

/** Lines `word<TAB>what it is` for the last of the words typed so far, which may be empty. */
export async function candidatesFor(
  table: readonly Command[],
  typed: readonly string[],
  session: Session,
): Promise<string[]> {
  const words = withProgram(session.terminal.program, typed.length > 0 ? typed : [''])
  const place = placeOf(table, words)
  const found = await offersAt(place, { table, session })
  if (found === filesDirective) return [filesDirective]
  return found
    .filter(([word]) => word.startsWith(place.prefix))
    .map(([word, what]) => `${place.before}${word}\t${what}`)
}

type Place = {
  readonly prefix: string
  /** Stands before each offer: `--output=`. */
  readonly before: string
  readonly command: Command | undefined
  readonly path: readonly string[]
  readonly flag: Flag | undefined
  readonly argument: Argument | undefined
  readonly flagNames: boolean
}

function placeOf(table: readonly Command[], words: readonly string[]): Place {
  const current = words.at(-1)!
  const path: string[] = []
  let command: Command | undefined
  let arguments_ = 0
  let open: Flag | undefined
  for (const word of words.slice(0, -1)) {
    const known = command ? flagsOf(command.flags) : globalFlags
    if (open) open = undefined
    else if (word.startsWith('-') && word !== '-')
      open = word.includes('=') ? undefined : valueFlag(known, word)
    else if (command) arguments_++
    else {
      path.push(word)
      command = table.find((one) => one.path.join(' ') === path.join(' '))
    }
  }
  const equals = current.startsWith('--') ? current.indexOf('=') : -1
  const flag =
    open ??
    (equals > 0
      ? valueFlag(command ? flagsOf(command.flags) : globalFlags, current.slice(0, equals))
      : undefined)
  const wanted = command?.arguments ?? []
  const last = wanted.at(-1)
  return {
    prefix: equals > 0 && !open ? current.slice(equals + 1) : current,
    before: equals > 0 && !open ? current.slice(0, equals + 1) : '',
    command,
    path,
    flag,
    argument: wanted[arguments_] ?? (last?.many ? last : undefined),
    flagNames: !flag && current.startsWith('-'),
  }
}

function valueFlag(known: readonly Flag[], word: string): Flag | undefined {
  const name = word.replace(/^--?/, '')
  return known.find((flag) => flag.value !== undefined && (flag.name === name || flag.short === name))
}

type Offers = readonly (readonly [word: string, what: string])[] | typeof filesDirective
type Sources = { readonly table: readonly Command[]; readonly session: Session }

async function offersAt(place: Place, sources: Sources): Promise<Offers> {
  const { command, flag } = place
  if (flag) return await offersOf(flag.completes ?? flag.choices, sources)
  if (place.flagNames) {
    const flags = command ? flagsOf(command.flags) : globalFlags
    return flags.map((one) => [`--${one.name}`, one.help])
  }
  if (command) return await offersOf(place.argument?.completes, sources)
  return wordsBelow(sources.table, place.path).map((word) => {
    const path = [...place.path, word].join(' ')
    return [word, sources.table.find((one) => one.path.join(' ') === path)?.summary ?? `${path} ...`]
  })
}

async function offersOf(completes: Completes | undefined, { table, session }: Sources): Promise<Offers> {
  if (completes === undefined) return []
  if (typeof completes !== 'string') return completes.map((word) => [word, ''])
  switch (completes) {
    case 'file':
      return filesDirective
    case 'command':
      return wordsBelow(table, []).map((word) => [word, ''])
    case 'example':
      return (await import('#node')).listExamples().map(({ name, description }) => [name, description])
    case 'topic':
      return (await names(session, '/api/v1/topics', 'name')).map((name) => [name, 'topic'])
    case 'group':
      return (await names(session, '/api/v1/groups', 'id')).map((name) => [name, 'group'])
    case 'table':
      return (await names(session, '/api/v1/tables', 'name')).map((name) => [name, 'table'])
    case 'dlq':
      return (await names(session, '/api/v1/dlq', 'topic')).map((name) => [name, 'dead letters'])
    case 'app':
      return (await names(session, '/api/v1/apps', 'id')).map((name) => [name, 'app'])
  }
}

async function names(session: Session, path: string, key: 'name' | 'id' | 'topic'): Promise<string[]> {
  try {
    const { environment, interrupted } = session.terminal
    const client = new Client({
      url: environment['PSPF_URL'] || 'http://127.0.0.1:7070',
      token: environment['PSPF_TOKEN'],
      timeoutMs: askTimeoutMs,
      signal: interrupted,
    })
    const rows = await client.ask<readonly Record<string, unknown>[]>(path)
    return rows.map((row) => String(row[key]))
  } catch (thrown) {
    // Nobody asked for an error in the middle of a line.
    if (thrown instanceof BrokerError || thrown instanceof UsageError) return []
    throw thrown
  }
}
