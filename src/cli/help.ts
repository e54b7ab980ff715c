// Help from the table: examples first, 80 columns, and what a command does to the node.
import type { Command, Flag } from './command.ts'
import { flagsOf, globalFlags } from './global-flags.ts'
import { nearest } from './nearest.ts'
import { type Paint, paintFor } from './output/style.ts'
import { wordsBelow } from './parse.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

const width = 80

/** Help for a command, a group or, without words, all of pspf. Throws `UsageError` for words that name none. */
export function helpFor(table: readonly Command[], words: readonly string[], terminal: Terminal): string {
  const paint = paintFor(terminal, terminal.outputIsTerminal)
  const path = terminal.program === 'pspfctl' && words.length === 0 ? ['ctl'] : words
  const command = table.find((one) => !one.hidden && one.path.join(' ') === path.join(' '))
  if (command) return commandHelp(command, paint)
  const below = table.filter((one) => !one.hidden && path.every((word, index) => one.path[index] === word))
  if (below.length > 0) return path.length === 0 ? overview(below, paint) : groupHelp(path, below, paint)
  const meant = nearest(
    path.join(' '),
    table.map((one) => one.path.join(' ')),
  )
  const known = wordsBelow(table, []).join(', ')
  throw new UsageError(
    `there is no command "${path.join(' ')}"`,
    meant ? `did you mean: pspf help ${meant}` : `known: ${known}`,
  )
}

function overview(table: readonly Command[], paint: Paint): string {
  return [
    'pspf: the SQLite of stream processing. A durable log, exactly-once stream apps',
    'and live dashboards in one executable.',
    '',
    paint.bold('Begin'),
    ...rows([
      ['pspf serve --demo', 'two apps on real data, shown live'],
      ['pspf serve app.ts', 'run the node and your app'],
      ['pspf topic create orders', 'a topic, then send to it:'],
      ['pspf produce orders --file orders.ndjson', ''],
    ]),
    '',
    paint.bold('Commands'),
    ...rows(table.map((command) => [command.path.join(' '), command.summary])),
    '',
    'pspf help COMMAND explains one. pspfctl is the same program: pspfctl status is',
    'pspf ctl status.',
    '',
  ].join('\n')
}

function groupHelp(path: readonly string[], below: readonly Command[], paint: Paint): string {
  const lines = rows(
    below.map((command) => [command.path.join(' '), `${command.summary} [${command.effect}]`]),
  )
  return [
    paint.bold(`pspf ${path.join(' ')}`),
    ...lines,
    '',
    `pspf help ${below[0]!.path.join(' ')} explains one.`,
    '',
  ].join('\n')
}

function commandHelp(command: Command, paint: Paint): string {
  const own = command.flags ?? []
  const lines = [
    paint.bold(`pspf ${command.path.join(' ')}`),
    ...wrap(`${command.summary} [${command.effect}]`, ''),
    '',
    ...command.examples.map((example) => `  ${paint.cyan(`pspf ${example}`)}`),
    '',
    `Usage: ${usageLine(command)}`,
  ]
  if (command.details) lines.push('', ...wrap(command.details, ''))
  if (command.arguments?.length) {
    lines.push('', paint.bold('Arguments'), ...rows(command.arguments.map(({ name, help }) => [name, help])))
  }
  if (own.length > 0) lines.push('', paint.bold('Flags'), ...rows(own.map(flagRow)))
  const others = flagsOf(own).filter((flag) => globalFlags.includes(flag))
  lines.push('', paint.bold('Flags of every command'), ...rows(others.map(flagRow)), '')
  return lines.join('\n')
}

/** `pspf topic create NAME [flags]` */
export function usageLine(command: Command): string {
  const words = (command.arguments ?? []).map(({ name, optional, many }) => {
    const text = many ? `${name} ...` : name
    return optional ? `[${text}]` : text
  })
  return ['pspf', ...command.path, ...words, '[flags]'].join(' ')
}

function flagRow(flag: Flag): readonly [string, string] {
  const names = flag.short ? `-${flag.short}, --${flag.name}` : `    --${flag.name}`
  const facts = [flag.env, flag.fallback === undefined ? undefined : `default ${flag.fallback}`].filter(
    Boolean,
  )
  return [
    `${names}${flag.value ? ` ${flag.value}` : ''}`,
    `${flag.help}${facts.length ? ` [${facts.join(', ')}]` : ''}`,
  ]
}

/** Two columns; long right sides go on below themselves, and long left sides get a line of their own. */
function rows(pairs: readonly (readonly [string, string])[]): string[] {
  const left = Math.min(30, Math.max(...pairs.map(([name]) => name.length)))
  const indent = ' '.repeat(left + 4)
  return pairs.flatMap(([name, help]) => {
    const [first = '', ...more] = wrap(help, indent).map((line) => line.slice(indent.length))
    const below = more.map((line) => indent + line)
    if (name.length > left) return first ? [`  ${name}`, indent + first, ...below] : [`  ${name}`]
    return [`  ${name.padEnd(left)}  ${first}`.trimEnd(), ...below]
  })
}

function wrap(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.length + word.length > width && line.trim()) {
      lines.push(line.trimEnd())
      line = indent
    }
    line += `${word} `
  }
  return [...lines, line.trimEnd()].map((one) => (one.length < indent.length ? indent : one))
}

/** The table for machines: what `help -o json` prints. */
export function tableAsData(table: readonly Command[]) {
  const commands = table.filter((command) => !command.hidden)
  return {
    commands: commands.map(({ path, summary, details, effect, examples, arguments: words, flags }) => ({
      path,
      summary,
      ...(details ? { details } : {}),
      effect,
      arguments: words ?? [],
      flags: flags ?? [],
      examples: examples.map((example) => `pspf ${example}`),
    })),
    globalFlags,
  }
}
