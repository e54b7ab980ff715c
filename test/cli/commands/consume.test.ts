import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { outageMsMax } from '../../../src/cli/commands/outage.ts'
import { run } from '../../../src/cli/run.ts'
import { FakeNode, problem } from '../fake-node.ts'
import { runLine, terminalFor } from '../running.ts'

let node: FakeNode
beforeEach(() => {
  node = new FakeNode()
})
afterEach(() => node.stop())

const values = (out: string) =>
  out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).value)

test('it prints whole records, one JSON object a line, and ends', async () => {
  node.topic('t', [[1]])
  const { code, out } = await runLine(node, 'consume t')
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual({
    partition: 0,
    offset: 0,
    timestamp: 1_700_000_001_000,
    key: null,
    value: 1,
    headers: {},
  })
})

test('partitions are merged by timestamp over any number of pages', async () => {
  const numbers = Array.from({ length: 7000 }, (_, n) => n)
  node.topic('t', [numbers.filter((n) => n % 3 === 0), [], numbers.filter((n) => n % 3 !== 0)])
  expect(values((await runLine(node, 'consume t')).out)).toEqual(numbers)
})

test('-n ends after that many, and 0 is a number', async () => {
  node.topic('t', [
    [1, 3, 5],
    [2, 4, 6],
  ])
  expect(values((await runLine(node, 'consume t -n 4')).out)).toEqual([1, 2, 3, 4])
  expect((await runLine(node, 'consume t -n 0')).out).toBe('')
  expect(values((await runLine(node, 'consume t -n 99')).out)).toHaveLength(6)
})

test.each([
  ['earliest', [1, 2, 3, 4]],
  ['2', [3, 4]],
  ['4', []],
  ['99', []],
  ['2023-11-14T22:13:23Z', [3, 4]],
  ['2030-01-01', []],
])('--from %s begins there', async (from, expected) => {
  node.topic('t', [[1, 2, 3, 4]])
  const { code, out } = await runLine(node, `consume t --from ${from}`)
  expect([code, values(out)]).toEqual([0, expected])
})

test('--partition reads only that one', async () => {
  node.topic('t', [[1], [2]])
  expect(values((await runLine(node, 'consume t -p 1')).out)).toEqual([2])
  const { code, err } = await runLine(node, 'consume t -p 7')
  expect(code).toBe(2)
  expect(err).toContain('has no partition 7')
})

test('--values prints values that produce takes back', async () => {
  node.topic('t', [[1, 'text', null, { a: [1] }]])
  expect((await runLine(node, 'consume t --values')).out).toBe('1\n"text"\nnull\n{"a":[1]}\n')
})

describe('what JavaScript cannot hold', () => {
  const value = '{"e":1e400,"z":-0,"o":1.0,"10":1,"2":2,"dup":1,"dup":2,"s":"\\u0041 }"}'
  const record = `{"partition":0,"offset":0,"timestamp":5,"key":"k","value":${value},"headers":{}}`
  beforeEach(() => {
    node.topic('t', [[1]])
    node.override = ({ path }) =>
      path.endsWith('/records')
        ? new Response(`{"records":[${record}],"next":1,"startOffset":0,"endOffset":1}`)
        : undefined
  })

  test('comes out byte for byte where machines read', async () => {
    expect((await runLine(node, 'consume t')).out).toBe(`${record}\n`)
    expect((await runLine(node, 'consume t --values')).out).toBe(`${value}\n`)
    expect((await runLine(node, 'consume t -o json')).out).toBe(`[\n  ${record}\n]\n`)
    expect((await runLine(node, 'consume t --fields value,key,value.e')).out).toBe(
      `{"value":${value},"key":"k","value.e":1e400}\n`,
    )
  })

  test('keeps its text elsewhere: no number becomes null', async () => {
    expect((await runLine(node, 'consume t -o table')).out).toContain(value)
    expect((await runLine(node, 'consume t -o csv --fields value.e,value.z --no-headers')).out).toBe(
      '1e400,-0\n',
    )
    expect((await runLine(node, 'consume t -o csv --no-headers')).out).toContain(
      '""e"":1e400,""z"":-0,""o"":1.0',
    )
    const yaml = (await runLine(node, 'consume t -o yaml')).out
    expect(yaml).toContain('1e400')
    expect(yaml).not.toContain('null')
  })
})

test('what was appended after it began is left out without --follow', async () => {
  node.topic('t', [[1]])
  let asked = 0
  node.override = ({ path }) => {
    if (path.endsWith('/records') && asked++ === 0) node.append('t', 0, 2)
    return undefined
  }
  expect(values((await runLine(node, 'consume t')).out)).toEqual([1])
})

test('a node that answers nothing and goes nowhere does not hold the command for ever', async () => {
  node.topic('t', [[1, 2]])
  node.override = ({ path }) =>
    path.endsWith('/records')
      ? Response.json({ records: [], next: 0, startOffset: 0, endOffset: 2 })
      : undefined
  expect((await runLine(node, 'consume t --from 0')).code).toBe(0)
})

test('a table has a line per record; JSON is one list', async () => {
  node.topic('t', [['a', { b: 1 }]])
  const { out } = await runLine(node, 'consume t -o table --no-headers')
  expect(out).toBe(
    [
      '0         0  2023-11-14T22:13:20.000Z  -             a',
      '0         1  2023-11-14T22:13:21.000Z  -             {"b":1}',
      '',
    ].join('\n'),
  )
  expect(JSON.parse((await runLine(node, 'consume t -o json')).out)).toHaveLength(2)
})

test('an unknown topic is exit 3 with the fix, and stdout stays empty', async () => {
  const { code, out, err } = await runLine(node, 'consume order')
  expect([code, out]).toEqual([3, ''])
  expect(err).toBe('error: topic "order" does not exist | fix: pspf topic create order [not_found]\n')
})

test('with -o json failures are JSON on stderr', async () => {
  const { err } = await runLine(node, 'consume order -o json')
  expect(JSON.parse(err)).toEqual({
    error: 'topic "order" does not exist',
    code: 'not_found',
    fix: 'pspf topic create order',
    exitCode: 3,
  })
})

describe('--follow', () => {
  /** Runs until `until` holds of what was printed, then presses Ctrl-C. */
  async function followed(line: string, act: () => void, until: (out: string) => boolean) {
    const terminal = terminalFor(node, line)
    const out = terminal.out.bind(terminal)
    terminal.out = async (text) => {
      await out(text)
      if (until(terminal.stdout)) terminal.interrupt()
    }
    node.override = ({ query }) => {
      if (query['waitMs']) queueMicrotask(act)
      return undefined
    }
    return { code: await run(terminal), out: terminal.stdout, err: terminal.stderr }
  }

  test('prints what comes in every partition, from now on, until Ctrl-C', async () => {
    node.topic('t', [[1], [2]])
    let next = 10
    const act = () => node.append('t', next % 2, next++)
    const { code, out, err } = await followed('consume t --follow', act, (text) => values(text).length >= 4)
    expect([code, err]).toEqual([130, ''])
    const seen = values(out) as number[]
    expect(seen.every((value) => value >= 10)).toBe(true)
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('from earliest prints what is there first', async () => {
    node.topic('t', [[1, 2]])
    let next = 3
    const { out } = await followed(
      'consume t -f --from earliest',
      () => node.append('t', 0, next++),
      (text) => values(text).length >= 5,
    )
    expect(values(out).slice(0, 5)).toEqual([1, 2, 3, 4, 5])
  })

  test('with -n ends by itself, and --from latest follows', async () => {
    node.topic('t', [[1], []])
    let next = 5
    const { code, out } = await followed(
      'consume t --from latest -n 2',
      () => node.append('t', next % 2, next++),
      () => false,
    )
    expect(code).toBe(0)
    expect(values(out)).toHaveLength(2)
  })

  describe('through a restart', () => {
    const closed = () => problem(503, 'closed', 'the node is stopping')

    test('goes on at the next offset, and says so once', async () => {
      node.topic('t', [[1], [2]])
      const terminal = terminalFor(node, 'consume t --follow -n 3')
      terminal.slowTimers = true
      let refusals = 6
      let next = 10
      node.override = ({ query }) => {
        if (!query['waitMs']) return undefined
        // What comes while the node is away is there when it is back.
        if (next < 13) node.append('t', next % 2, next++)
        return refusals-- > 0 ? closed() : undefined
      }
      expect(await run(terminal)).toBe(0)
      expect((values(terminal.stdout) as number[]).toSorted()).toEqual([10, 11, 12])
      expect(terminal.stderr).toBe(
        'the node went away; asking again for up to 30 s\nthe node is back; going on where it stopped\n',
      )
    })

    test('ends with 6 when the node stays away for the limit', async () => {
      node.topic('t', [[1]])
      const terminal = terminalFor(node, 'consume t --follow')
      const waits: number[] = []
      const { after } = terminal.clock
      terminal.slowTimers = true
      terminal.clock.after = (delayMs, action) => {
        waits.push(delayMs)
        return after(delayMs, action)
      }
      node.override = async ({ query }) => {
        if (query['waitMs']) await node.stop()
        return undefined
      }
      expect(await run(terminal)).toBe(6)
      expect(waits.reduce((sum, wait) => sum + wait, 0)).toBe(outageMsMax)
      expect(waits.slice(0, 3)).toEqual([250, 500, 1000])
      expect(terminal.stderr).toContain('asking again')
    })

    test('ends at once with Ctrl-C, and with a failure that no wait can heal', async () => {
      node.topic('t', [[1]])
      const terminal = terminalFor(node, 'consume t --follow')
      node.override = ({ query }) => {
        if (!query['waitMs']) return undefined
        setTimeout(() => terminal.interrupt(), 0)
        return closed()
      }
      expect(await run(terminal)).toBe(130)
      node.override = ({ query }) =>
        query['waitMs'] ? problem(404, 'not_found', 'topic "t" does not exist') : undefined
      const gone = await runLine(node, 'consume t --follow')
      expect([gone.code, gone.err.includes('went away')]).toEqual([3, false])
    })
  })

  test('as JSON is a whole list even when interrupted', async () => {
    node.topic('t', [[1]])
    const { code, out } = await followed(
      'consume t -f --from earliest -o json',
      () => undefined,
      (text) => text.includes('offset'),
    )
    expect(code).toBe(130)
    expect(JSON.parse(out)).toHaveLength(1)
  })
})
