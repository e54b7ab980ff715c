import { afterAll, afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requestLinesMax, requestSizeBytesMax, retriesMax } from '../../../src/cli/commands/line-sender.ts'
import { run } from '../../../src/cli/run.ts'
import { FakeNode, problem } from '../fake-node.ts'
import { runLine, terminalFor } from '../running.ts'

const folder = mkdtempSync(join(tmpdir(), 'pspf-produce-'))
afterAll(() => rmSync(folder, { recursive: true }))

let node: FakeNode
beforeEach(() => {
  node = new FakeNode()
  node.topic('t')
})
afterEach(() => node.stop())

const produced = () => node.requests.filter(({ method }) => method === 'POST')

test('lines become records byte for byte, and the count acknowledged is printed', async () => {
  const lines = ['{"n": 1.0}', '"12345"', '12345678901234567890', '  [ ]  ', 'null']
  const { code, out } = await runLine(node, 'produce t', { input: [`${lines.join('\n')}\n`] })
  expect([code, out]).toEqual([0, '5\n'])
  expect(produced().map(({ body }) => body)).toEqual([`${lines.join('\n')}\n`])
  expect(produced()[0]!.headers.get('content-type')).toBe('application/x-ndjson')
})

test('lines may be cut anywhere, end in CRLF, be blank, and lack the last line end', async () => {
  const text = '{"a":"é日"}\r\n\r\n   \n{"b":2}\n\n{"c":3}'
  const bytes = Buffer.from(text)
  const terminal = terminalFor(node, 'produce t')
  terminal.input = async function* () {
    for (const byte of bytes) yield Uint8Array.of(byte)
  }
  expect(await run(terminal)).toBe(0)
  expect(node.values('t')).toEqual([{ a: 'é日' }, { b: 2 }, { c: 3 }])
  expect(terminal.stdout).toBe('3\n')
})

test('nothing in, nothing sent, and that is no failure', async () => {
  const { code, out } = await runLine(node, 'produce t', { input: ['\n\n'] })
  expect([code, out, produced()]).toEqual([0, '0\n', []])
})

test('an unknown topic is exit 3, even with nothing to send', async () => {
  const { code, out, err } = await runLine(node, 'produce nope', { input: [] })
  expect([code, out]).toEqual([3, ''])
  expect(err).toContain('topic "nope" does not exist')
})

test('a file is read, an absent one is named', async () => {
  const path = join(folder, 'lines.ndjson')
  writeFileSync(path, '1\n2\n')
  expect((await runLine(node, `produce t --file ${path}`)).out).toBe('2\n')
  const absent = await runLine(node, `produce t --file ${path}.absent`)
  expect(absent.code).toBe(2)
  expect(absent.err).toContain('ENOENT')
})

test('--text sends each line as a text', async () => {
  await runLine(node, 'produce t --text', { input: ['plain "text"\n12345\n'] })
  expect(node.values('t')).toEqual(['plain "text"', '12345'])
  expect((await runLine(node, 'produce t --text -k a')).code).toBe(2)
})

test('the key field is passed on and must be there, and be no object', async () => {
  const good = await runLine(node, 'produce t --key-field user.id', { input: ['{"user":{"id":7}}\n'] })
  expect(good.code).toBe(0)
  expect(produced()[0]!.query).toEqual({ keyField: 'user.id' })
  for (const line of ['{"user":{}}', '{"user":null}', '5', '{"user":{"id":{}}}', '{"user":{"id":null}}']) {
    const { code, err } = await runLine(node, 'produce t --key-field user.id', {
      input: [`{"user":{"id":1}}\n${line}\n`],
    })
    expect(code).toBe(7)
    expect(err).toContain('line 2 has')
  }
  expect(node.values('t')).toHaveLength(1)
})

describe('a line that is no record', () => {
  test('is named; nothing of its request is sent; what came before is said', async () => {
    const good = Array.from({ length: requestLinesMax + 10 }, (_, n) => `${n}\n`).join('')
    const { code, out, err } = await runLine(node, 'produce t', { input: [`${good}{"n":\n5\n`] })
    expect(code).toBe(7)
    expect(err).toContain(`line ${requestLinesMax + 11} is not JSON`)
    expect(err).toContain(`lines up to ${requestLinesMax} are stored`)
    expect(out).toBe(`${requestLinesMax}\n`)
    expect(node.values('t')).toHaveLength(requestLinesMax)
  })

  test('in the first request leaves nothing at all', async () => {
    const { code, out, err } = await runLine(node, 'produce t', {
      input: ['{"n":1}\n{"n":2}\n{"n":\n{"n":4}\n'],
    })
    expect([code, out]).toEqual([7, ''])
    expect(err).toMatch(/^error: line 3 is not JSON .*; no line is stored \| fix: .*\[invalid_request\]\n$/)
    expect(produced()).toEqual([])
  })

  test('may be one that is not UTF-8', async () => {
    const terminal = terminalFor(node, 'produce t')
    terminal.input = async function* () {
      yield Uint8Array.of(0x22, 0xff, 0x22, 0x0a)
    }
    expect(await run(terminal)).toBe(7)
    expect(terminal.stderr).toContain('line 1 is not UTF-8')
  })
})

describe('requests', () => {
  test('are bounded by lines and by bytes, in order, one at a time', async () => {
    let inFlight = 0
    let most = 0
    node.override = async ({ method }) => {
      if (method !== 'POST') return undefined
      most = Math.max(most, ++inFlight)
      await Promise.resolve()
      inFlight--
      return undefined
    }
    const big = 'x'.repeat(100_000)
    const lines = [
      ...Array.from({ length: requestLinesMax * 2 + 1 }, (_, n) => `${n}`),
      ...Array(25).fill(`"${big}"`),
    ]
    const { out } = await runLine(node, 'produce t', { input: [`${lines.join('\n')}\n`] })
    expect(out).toBe(`${lines.length}\n`)
    expect(most).toBe(1)
    for (const { body } of produced()) {
      expect(body.length).toBeLessThanOrEqual(requestSizeBytesMax)
      expect(body.split('\n').length - 1).toBeLessThanOrEqual(requestLinesMax)
    }
    expect(node.values('t').slice(0, requestLinesMax * 2 + 1)).toEqual(
      Array.from({ length: requestLinesMax * 2 + 1 }, (_, n) => n),
    )
  })

  test('a trickle leaves at once: a line does not wait for the next', async () => {
    const terminal = terminalFor(node, 'produce t')
    const arrived = Promise.withResolvers<void>()
    node.override = ({ method }) => {
      if (method === 'POST') arrived.resolve()
      return undefined
    }
    terminal.input = async function* () {
      yield new TextEncoder().encode('1\n')
      await arrived.promise
      yield new TextEncoder().encode('2\n')
    }
    expect(await run(terminal)).toBe(0)
    expect(terminal.stdout).toBe('2\n')
  })

  test('what gathered while one was in flight leaves when it returns, even if nothing more comes in', async () => {
    const terminal = terminalFor(node, 'produce t')
    const first = Promise.withResolvers<void>()
    const second = Promise.withResolvers<void>()
    node.override = async ({ method }) => {
      if (method !== 'POST') return undefined
      if (produced().length > 1) second.resolve()
      else await first.promise
      return undefined
    }
    terminal.input = async function* () {
      yield new TextEncoder().encode('1\n')
      yield new TextEncoder().encode('2\n')
      first.resolve()
      await second.promise
    }
    expect(await run(terminal)).toBe(0)
    expect(node.values('t')).toEqual([1, 2])
  })

  test('are repeated while the node is busy, a bounded number of times', async () => {
    let refusals = 2
    const busy = () => {
      const body = {
        title: 't',
        detail: 'the queue is full',
        code: 'busy',
        status: 503,
        retriable: true,
        type: 'x',
      }
      return new Response(JSON.stringify(body), {
        status: 503,
        headers: { 'content-type': 'application/problem+json' },
      })
    }
    node.override = ({ method }) => (method === 'POST' && refusals-- > 0 ? busy() : undefined)
    const patient = terminalFor(node, 'produce t', { input: ['1\n'] })
    patient.slowTimers = true
    expect(await run(patient)).toBe(0)
    expect(node.values('t')).toEqual([1])
    refusals = 1000
    const before = produced().length
    const refused = terminalFor(node, 'produce t', { input: ['1\n'] })
    refused.slowTimers = true
    // The progress line would come again and again with this clock.
    Object.assign(refused, { arguments: ['produce', 't', '-q'] })
    expect(await run(refused)).toBe(1)
    expect(produced().length - before).toBe(retriesMax + 1)
    expect(refused.stderr).toContain('line 1 refused: the queue is full')
  })

  test('that the node refuses name their lines', async () => {
    node.override = ({ method }) =>
      method === 'POST' ? problem(413, 'too_large', 'record 1 is too large') : undefined
    const { code, err } = await runLine(node, 'produce t', { input: ['1\n2\n'] })
    expect(code).toBe(7)
    expect(err).toContain('lines 1-2 refused: record 1 is too large')
  })

  test('whose fate nobody knows are said to be so, and not repeated', async () => {
    const terminal = terminalFor(node, 'produce t', { input: ['1\n2\n'] })
    node.override = async ({ method }) => {
      if (method === 'POST') await node.stop()
      return undefined
    }
    expect(await run(terminal)).toBe(6)
    expect(terminal.stderr).toContain('lines 1-2 may or may not be stored')
    expect(produced()).toHaveLength(1)
  })

  test('Ctrl-C waits for the one in flight, and prints what is acknowledged', async () => {
    const terminal = terminalFor(node, 'produce t')
    node.override = ({ method }) => {
      if (method === 'POST') terminal.interrupt()
      return undefined
    }
    terminal.input = async function* () {
      yield new TextEncoder().encode('1\n2\n')
      await new Promise(() => undefined)
    }
    expect(await run(terminal)).toBe(130)
    expect(terminal.stdout).toBe('2\n')
  })
})
