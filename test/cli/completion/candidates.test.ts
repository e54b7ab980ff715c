import { afterEach, beforeEach, expect, test } from 'bun:test'
import { FakeNode } from '../fake-node.ts'
import { runLine } from '../running.ts'

let node: FakeNode
beforeEach(() => {
  node = new FakeNode()
  node.topic('orders')
  node.topic('revenue')
})
afterEach(() => node.stop())

/** What a shell offers for this line; `|` marks an empty word at the cursor. */
async function offered(line: string, program = 'pspf'): Promise<string[]> {
  const words = ['__complete', ...line.split(' ').map((word) => (word === '|' ? '' : word))]
  const { FakeTerminal } = await import('../fake-terminal.ts')
  const { run } = await import('../../../src/cli/run.ts')
  const terminal = new FakeTerminal({ words, program, environment: { PSPF_URL: node.url } })
  expect(await run(terminal)).toBe(0)
  expect(terminal.stderr).toBe('')
  return terminal.stdout
    .split('\n')
    .filter(Boolean)
    .map((candidate) => candidate.split('\t')[0]!)
}

test.each([
  ['top', ['topic']],
  ['topic |', ['create', 'list', 'describe', 'alter', 'truncate', 'delete']],
  ['topic de', ['describe', 'delete']],
  ['topic create x --par', ['--partitions']],
  ['topic list -o js', ['json', 'jsonl']],
  ['topic list --output=ya', ['--output=yaml']],
  ['topic describe |', ['orders', 'revenue']],
  ['topic describe o', ['orders']],
  ['topic describe orders |', []],
  ['consume orders --from l', ['latest']],
  ['topic create x --set co', ['compression=']],
  ['produce orders --file |', [':files']],
  ['completion |', ['bash', 'zsh', 'fish']],
  ['ctl |', ['status', 'backup', 'log', 'state', 'completion']],
])('after "%s" stand %j', async (line, expected) => {
  expect(await offered(line)).toEqual(expected)
})

test('the first word offers every command but hidden ones', async () => {
  const words = await offered('|')
  expect(words).toContain('consume')
  expect(words.some((word) => word.startsWith('__'))).toBe(false)
})

test('as pspfctl, its own commands come first', async () => {
  expect(await offered('s', 'pspfctl')).toEqual(['status', 'state'])
})

test('without a node there are no names, and no error in the middle of the line', async () => {
  await node.stop()
  expect(await offered('topic describe |')).toEqual([])
})

test('a shell without a script is told which have one', async () => {
  const { code, err } = await runLine(node, 'completion bsah')
  expect(code).toBe(2)
  expect(err).toContain('did you mean bash')
})
