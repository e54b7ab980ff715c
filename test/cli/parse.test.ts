import { describe, expect, test } from 'bun:test'
import type { Command } from '../../src/cli/command.ts'
import { commands, tableFor } from '../../src/cli/command-table.ts'
import { parse, withProgram } from '../../src/cli/parse.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

function parsed(line: string) {
  const result = parse(line.split(' ').filter(Boolean), commands)
  if ('group' in result) throw new Error(`unfinished: ${result.group.join(' ')}`)
  return { path: result.command.path.join(' '), words: result.words, flags: Object.fromEntries(result.flags) }
}

function mistake(line: string): string {
  try {
    parse(line.split(' ').filter(Boolean), commands)
  } catch (thrown) {
    if (thrown instanceof UsageError) return `${thrown.message} | ${thrown.fix}`
    throw thrown
  }
  return 'none'
}

describe('words become a command', () => {
  test('arguments and flags in any order, flags in every spelling', () => {
    for (const line of [
      'topic create orders --partitions 3 -o json',
      'topic create --partitions=3 orders -o=json',
      'topic create -p3 -ojson orders',
      '--output json topic create -p 3 orders',
    ]) {
      expect(parsed(line)).toEqual({
        path: 'topic create',
        words: ['orders'],
        flags: { partitions: ['3'], output: ['json'] },
      })
    }
  })

  test('a flag that may be repeated keeps every value, another one the last', () => {
    expect(parsed('topic alter a --set x=1 --set y=2 --url http://a --url http://b').flags).toEqual({
      set: ['x=1', 'y=2'],
      url: ['http://b'],
    })
  })

  test('a lone dash and a negative number are values, and nothing is a flag after two dashes', () => {
    expect(parsed('produce t --file -').flags).toEqual({ file: ['-'] })
    expect(parsed('consume t --from -5').flags).toEqual({ from: ['-5'] })
    expect(parsed('topic delete -- --odd').words).toEqual(['--odd'])
  })

  test('the operators name is the same program, one level down', () => {
    expect(withProgram('pspfctl', ['status', '-o', 'json'])).toEqual(['ctl', 'status', '-o', 'json'])
    expect(withProgram('pspfctl', ['help'])).toEqual(['help'])
    expect(withProgram('pspf', ['ctl', 'status'])).toEqual(['ctl', 'status'])
  })

  test('--version and -v are the command version', () => {
    for (const word of ['--version', '-v']) {
      expect(withProgram('pspf', [word])).toEqual(['version'])
      expect(withProgram('pspfctl', [word, '-o', 'json'])).toEqual(['version', '-o', 'json'])
    }
  })

  test('a group without a verb is unfinished, not wrong', () => {
    expect(parse(['topic'], commands)).toMatchObject({ group: ['topic'], asked: false })
    expect(parse(['topic', '--help'], commands)).toMatchObject({ group: ['topic'], asked: true })
    expect(parse([], commands)).toMatchObject({ group: [], asked: true })
  })
})

describe('what cannot be meant is said, with what may be meant', () => {
  test.each([
    ['tpoic list', 'unknown command "tpoic" | did you mean: pspf topic'],
    ['topic lst', 'unknown command "topic lst" | did you mean: pspf topic list'],
    [
      'xyzzy',
      'unknown command "xyzzy" | known: serve, dev, produce, consume, topic, group, app, table, dlq, dashboard, examples, test, ctl',
    ],
    ['topic list --colur', 'unknown flag --colur for "pspf topic list" | did you mean --color'],
    ['topic list --zzzzzz', 'unknown flag --zzzzzz for "pspf topic list" | see pspf topic list --help'],
    ['topic list -Z', 'unknown flag -Z for "pspf topic list" | see pspf topic list --help'],
    [
      'topic list -o jsn',
      '-o cannot be "jsn" | did you mean json; it is one of table, wide, json, jsonl, yaml, csv, name',
    ],
    ['dlq replay t --at tomorrow', '--at cannot be "tomorrow" | --at takes now'],
    ['topic list -o', '-o needs a value | -o FORMAT'],
    ['topic list --output --all', '--output needs a value | --output FORMAT'],
    ['topic list --all=yes', '--all takes no value | write --all alone'],
    ['topic create t -p many', '-p must be a whole number, not "many" | for example -p 10'],
    ['topic create t -p -1', '-p must be a whole number, not "-1" | for example -p 10'],
    ['topic list --url=', 'the value of --url is empty | --url URL, or leave it out'],
    ['topic create', 'NAME is missing: name of the new topic | for example: pspf topic create orders'],
    ['topic create a b', '"b" is one word too many for "pspf topic create" | see pspf topic create --help'],
  ])('%s', (line, expected) => {
    expect(mistake(line)).toBe(expected)
  })
})

test('an empty value is a mistake, never the default', async () => {
  for (const line of ['serve --data-dir ', 'consume t --from ', 'topic list -o ']) {
    const words = line.split(' ')
    const table = await tableFor(words)
    expect(() => parse(words, table)).toThrow('is empty')
  }
})

describe('the table', () => {
  test('every example in it parses to its own command', () => {
    for (const command of commands.filter(({ path }) => path[0] !== 'serve')) {
      expect(command.examples.length).toBeGreaterThan(0)
      for (const example of command.examples) {
        const words = example.replace(/ (<|<<<|>) .*$/, '').split(' ')
        expect((parse(words, commands) as { command: Command }).command.path).toEqual(command.path)
      }
    }
  })

  test('no command has two flags of one name or letter', () => {
    for (const { path, flags = [] } of commands) {
      const names = flags.flatMap(({ name, short }) => (short ? [name, short] : [name]))
      expect([path, new Set(names).size]).toEqual([path, names.length])
      // The letters of the global flags.
      for (const letter of ['o', 'q', 'h']) expect([path, names.includes(letter)]).toEqual([path, false])
    }
  })
})
