import { describe, expect, test } from 'bun:test'
import type { Format } from '../../../src/cli/global-flags.ts'
import { Output, type OutputOptions, type View } from '../../../src/cli/output/output.ts'
import { noPaint } from '../../../src/cli/output/style.ts'
import { FakeTerminal } from '../fake-terminal.ts'

type Row = { name: string; size: number; note: string | null; at: { start: number } }
const rows: Row[] = [
  { name: 'orders', size: 2048, note: 'a "quoted", text', at: { start: 5 } },
  { name: '日本', size: 7, note: null, at: { start: 6 } },
]
const view: View<Row> = {
  name: (row) => row.name,
  columns: [
    { title: 'name', of: (row) => row.name },
    { title: 'size', of: (row) => row.size, show: (row) => `${row.size} B`, right: true },
    { title: 'note', of: (row) => row.note },
    { title: 'start', of: (row) => row.at.start, wide: true },
  ],
}

function output(format: Format, options: Partial<OutputOptions> = {}, terminal = new FakeTerminal()) {
  return {
    terminal,
    out: new Output({ terminal, format, fields: undefined, headers: true, paint: noPaint, ...options }),
  }
}

async function listed(format: Format, options: Partial<OutputOptions> = {}, list = rows): Promise<string> {
  const { terminal, out } = output(format, options)
  await out.list(list, view)
  return terminal.stdout
}

describe('rows', () => {
  test('as a table line up, wide characters too', async () => {
    expect(await listed('table')).toBe(
      ['name      size  note', 'orders  2048 B  a "quoted", text', '日本       7 B  -', ''].join('\n'),
    )
  })

  test('as a wide table show all columns', async () => {
    expect(await listed('wide')).toContain('start')
    expect(await listed('table')).not.toContain('start')
  })

  test('as JSON, NDJSON and YAML are the objects themselves', async () => {
    expect(JSON.parse(await listed('json'))).toEqual(rows)
    expect(
      (await listed('jsonl'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(rows)
    expect(Bun.YAML.parse(await listed('yaml'))).toEqual(rows)
  })

  test('as CSV keep raw numbers and quote what must be quoted', async () => {
    expect(await listed('csv')).toBe('name,size,note\norders,2048,"a ""quoted"", text"\n日本,7,\n')
  })

  test('as names are one a line', async () => {
    expect(await listed('name')).toBe('orders\n日本\n')
  })

  test('none are an empty list in every format', async () => {
    expect(await listed('json', {}, [])).toBe('[]\n')
    expect(await listed('yaml', {}, [])).toBe('[]\n')
    expect(await listed('jsonl', {}, [])).toBe('')
    expect(await listed('name', {}, [])).toBe('')
    expect(await listed('csv', {}, [])).toBe('name,size,note\n')
    expect(await listed('table', {}, [])).toBe('name  size  note\n')
    expect(await listed('table', { headers: false }, [])).toBe('')
  })

  test('that arrive in parts read like those that came at once', async () => {
    for (const format of ['table', 'wide', 'json', 'jsonl', 'yaml', 'csv', 'name'] as const) {
      const { terminal, out } = output(format)
      const stream = out.stream(view)
      for (const row of rows) await stream.write([row])
      await stream.end()
      const normal = (text: string) => text.replaceAll(/ +/g, ' ')
      expect(normal(terminal.stdout)).toBe(normal(await listed(format)))
    }
  })

  test('keep only the fields asked for, nested ones too', async () => {
    expect(JSON.parse(await listed('json', { fields: ['at.start', 'name'] }))[0]).toEqual({
      'at.start': 5,
      name: 'orders',
    })
    expect(await listed('csv', { fields: ['at.start', 'size'], headers: false })).toBe('5,2048\n6,7\n')
    expect(await listed('table', { fields: ['size'] })).toBe('  size\n2048 B\n   7 B\n')
  })

  test('cannot move the cursor or forge lines', async () => {
    const hostile = [{ name: '\u001b[2Jx\r\ny\u009b1m\u202e', size: 1, note: null, at: { start: 0 } }]
    for (const format of ['table', 'wide', 'name'] as const) {
      expect(await listed(format, { headers: false }, hostile)).toStartWith(
        '\\u001b[2Jx\\u000d\\ny\\u009b1m\\u202e',
      )
    }
    expect(await listed('json', {}, hostile)).not.toContain('\u001b')
  })

  test('as CSV write control characters out, and keep line ends in quotes', async () => {
    const hostile = [{ name: 'a\u0000\u001b[2J', size: 1, note: 'x\r\ny\rz', at: { start: 0 } }]
    expect(await listed('csv', { headers: false }, hostile)).toBe('"a\\u0000\\u001b[2J",1,"x\r\ny\\u000dz"\n')
  })

  test('as NDJSON hold no line mark that some readers take for a line end', async () => {
    const marks = [{ name: 'a\u2028b\u2029', size: 1, note: null, at: { start: 0 } }]
    const text = await listed('jsonl', {}, marks)
    expect(text).toContain('"a\\u2028b\\u2029"')
    expect(JSON.parse(text)).toEqual(marks[0])
  })

  test('with one long cell stay readable on a terminal', async () => {
    const long = [{ name: 'x'.repeat(249), size: 2048, note: 'note', at: { start: 0 } }]
    const { terminal, out } = output('table', {}, new FakeTerminal({ isTerminal: true, columns: 80 }))
    await out.list(long, view)
    expect(terminal.stdout.split('\n')[1]).toBe(`${'x'.repeat(25)}…  2048 B  note`)
    expect(await listed('table', {}, long)).toContain('x'.repeat(249))
  })

  test('are cut at the width of a terminal, and never in a pipe', async () => {
    const long = [{ name: 'x'.repeat(200), size: 1, note: null, at: { start: 0 } }]
    const { terminal, out } = output(
      'table',
      { headers: false },
      new FakeTerminal({ isTerminal: true, columns: 20 }),
    )
    await out.list(long, view)
    expect(terminal.stdout).toBe(`${'x'.repeat(19)}…\n`)
    expect(await listed('table', { headers: false }, long)).toContain('x'.repeat(200))
  })

  test('with numbers of twenty digits lose none in any format', async () => {
    const { parseExact } = await import('../../../src/cli/exact-json.ts')
    const exact = parseExact(
      '[{"name":"n","size":12345678901234567890,"note":null,"at":{"start":1}}]',
    ) as Row[]
    for (const format of ['json', 'jsonl', 'yaml', 'csv'] as const) {
      expect(await listed(format, {}, exact)).toContain('12345678901234567890')
    }
  })
})

test('one object is a column of fields for people, and itself for machines', async () => {
  const people = output('table')
  await people.out.one(rows[0]!, view, '\nmore\n')
  expect(people.terminal.stdout).toBe(
    'name   orders\nsize   2048 B\nnote   a "quoted", text\nstart  5\n\nmore\n',
  )
  for (const [format, expected] of [
    ['jsonl', `${JSON.stringify(rows[0])}\n`],
    ['name', 'orders\n'],
    ['csv', 'name,size,note\norders,2048,"a ""quoted"", text"\n'],
  ] as const) {
    const machine = output(format)
    await machine.out.one(rows[0]!, view, '\nmore\n')
    expect(machine.terminal.stdout).toBe(expected)
  }
})

test('what was done is a sentence for people, and the answer for machines', async () => {
  const people = output('table')
  await people.out.done({ id: 'a' }, 'a', 'paused a')
  expect(people.terminal.stdout).toBe('paused a\n')
  const machine = output('json')
  await machine.out.done({ id: 'a' }, 'a', 'paused a')
  expect(JSON.parse(machine.terminal.stdout)).toEqual({ id: 'a' })
  const csv = output('csv')
  await csv.out.done({ id: 'a', n: 1 }, 'a', 'paused a')
  expect(csv.terminal.stdout).toBe('id,n\na,1\n')
})
