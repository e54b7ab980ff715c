import { expect, test } from 'bun:test'
import type { Command } from '../../src/cli/command.ts'
import { tableFor } from '../../src/cli/command-table.ts'
import { helpFor, tableAsData, usageLine } from '../../src/cli/help.ts'
import { FakeTerminal } from './fake-terminal.ts'

const table: readonly Command[] = await tableFor([])
const visible = table.filter((command) => !command.hidden)
const help = (words: readonly string[], program = 'pspf') =>
  helpFor(table, words, new FakeTerminal({ program }))

test('the overview names every command, and no hidden one', () => {
  const text = help([])
  for (const { path } of visible) expect(text).toContain(`  ${path.join(' ')} `)
  expect(text).not.toContain('__')
})

test('help of a command shows examples first, every argument and every flag', () => {
  for (const command of visible) {
    const text = help(command.path)
    expect(text).toContain(`[${command.effect}]`)
    expect(text).toContain(usageLine(command))
    for (const example of command.examples) expect(text.indexOf(example)).toBeLessThan(text.indexOf('Usage:'))
    for (const { name } of command.arguments ?? []) expect(text).toContain(name)
    for (const { name } of command.flags ?? []) expect(text).toContain(`--${name}`)
    expect(text).toContain('--output FORMAT')
  }
})

test('no line but an example is longer than 80 characters', () => {
  for (const words of [[], ['topic'], ...visible.map(({ path }) => path)]) {
    const long = help(words)
      .split('\n')
      .filter((line) => line.length > 80 && !line.startsWith('  pspf '))
    expect([words, long]).toEqual([words, []])
  }
})

test('a group lists its verbs with what they do to the node', () => {
  expect(help(['topic'])).toContain('topic delete    delete a topic and all its records [destructive]')
  expect(help([], 'pspfctl')).toContain('ctl status')
})

test('what is no command is said, with what may be meant', () => {
  expect(() => help(['topic', 'crate'])).toThrow('there is no command "topic crate"')
  expect(() => help(['__complete'])).toThrow('there is no command')
})

test('the table as data has every visible command', () => {
  const { commands } = tableAsData(table)
  expect(commands.map(({ path }) => path)).toEqual(visible.map(({ path }) => path))
  expect(JSON.parse(JSON.stringify(commands))).toEqual(commands)
})
