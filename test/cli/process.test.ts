// The commands as a process: what goes to which stream, exit codes, pipes and signals.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { FakeNode } from './fake-node.ts'

const main = join(import.meta.dir, '..', '..', 'src', 'main.ts')
let node: FakeNode
beforeAll(() => {
  node = new FakeNode()
  node.topic('numbers', [Array.from({ length: 20_000 }, (_, n) => n)])
  node.topic('empty')
})
afterAll(() => node.stop())

function start(words: readonly string[], stdin: string | 'pipe' = '') {
  return Bun.spawn([process.execPath, main, ...words], {
    env: { PATH: process.env['PATH'] ?? '', PSPF_URL: node.url },
    stdin: stdin === 'pipe' ? 'pipe' : new Blob([stdin]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
}

async function outcome(words: readonly string[], stdin = '') {
  const child = start(words, stdin)
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, out, err }
}

test('data goes to stdout, and nothing to stderr', async () => {
  const { code, out, err } = await outcome(['topic', 'list', '-o', 'name'])
  expect([code, out, err]).toEqual([0, 'numbers\nempty\n', ''])
})

test('messages go to stderr, and nothing to stdout', async () => {
  for (const [words, expected] of [
    [['sevre'], 2],
    [['topic'], 2],
    [['topic', 'list', '--colur'], 2],
    [['consume', 'absent'], 3],
    [['topic', 'list', '--url', 'http://127.0.0.1:9'], 6],
  ] as const) {
    const { code, out, err } = await outcome(words)
    expect([words, code, out]).toEqual([words, expected, ''])
    expect(err).not.toBe('')
    expect(err).not.toContain('\u001b')
  }
})

test('what is produced from stdin can be consumed again', async () => {
  const produced = await outcome(['produce', 'empty'], '{"a":1}\n{"a":2}\n')
  expect([produced.code, produced.out, produced.err]).toEqual([0, '2\n', ''])
  expect((await outcome(['consume', 'empty', '--values'])).out).toBe('{"a":1}\n{"a":2}\n')
})

test('a large answer arrives whole through a pipe', async () => {
  const { code, out } = await outcome(['consume', 'numbers', '--values'])
  expect(code).toBe(0)
  expect(out.split('\n')).toHaveLength(20_001)
})

test('a reader that goes away ends it silently with 0', async () => {
  const child = start(['consume', 'numbers'])
  const reader = child.stdout.getReader()
  await reader.read()
  await reader.cancel()
  expect([await child.exited, await new Response(child.stderr).text()]).toEqual([0, ''])
})

describe('Ctrl-C', () => {
  test('ends a follower with 130', async () => {
    const child = start(['consume', 'numbers', '--follow', '--from', '19999'])
    const reader = child.stdout.getReader()
    await reader.read()
    child.kill('SIGINT')
    expect(await child.exited).toBe(130)
    expect(await new Response(child.stderr).text()).toBe('')
  })

  test('ends a producer that waits for input with 130, after its count', async () => {
    node.topic('slow')
    const arrived = Promise.withResolvers<void>()
    node.override = ({ path }) => {
      if (path === '/api/v1/topics/slow/records') setTimeout(arrived.resolve, 0)
      return undefined
    }
    const child = start(['produce', 'slow'], 'pipe')
    const stdin = child.stdin as Bun.FileSink
    stdin.write('1\n')
    await stdin.flush()
    await arrived.promise
    child.kill('SIGINT')
    expect(await new Response(child.stdout).text()).toBe('1\n')
    expect(await child.exited).toBe(130)
  })
})

test('the printed bash script completes commands and topics', async () => {
  const bash = Bun.which('bash')
  if (!bash) return
  const script = (await outcome(['completion', 'bash'])).out
  const driver = `
    pspf() { "${process.execPath}" "${main}" "$@"; }
    ${script}
    COMP_WORDS=(pspf topic describe num); COMP_CWORD=3
    _pspf
    printf '%s,' "\${COMPREPLY[@]}"`
  const child = Bun.spawn([bash, '-c', driver], {
    env: { PATH: process.env['PATH'] ?? '', PSPF_URL: node.url },
    stderr: 'pipe',
  })
  expect(await new Response(child.stdout).text()).toBe('numbers,')
})
