import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { FakeNode } from '../fake-node.ts'
import { runLine } from '../running.ts'

let node: FakeNode
beforeEach(() => {
  node = new FakeNode()
})
afterEach(() => node.stop())

test('create sends name, partitions and settings in the units of the API', async () => {
  const line = 'topic create orders -p 3 --set retention=7d --set retention-bytes=1GB --set compression=zstd'
  const { code, out } = await runLine(node, line)
  expect([code, out]).toEqual([0, 'created topic orders (3 partitions)\n'])
  expect(JSON.parse(node.requests[0]!.body)).toEqual({
    name: 'orders',
    partitions: 3,
    config: { retentionMs: 604_800_000, retentionBytes: 2 ** 30, compression: 'zstd' },
  })
})

test('for ever is null, and the API names of settings work too', async () => {
  const line = 'topic create orders --set retentionMs=forever --set retention-bytes=unlimited'
  await runLine(node, `${line} --set durability=interval(100ms)`)
  expect(JSON.parse(node.requests[0]!.body).config).toEqual({
    retentionMs: null,
    retentionBytes: null,
    durability: 'interval(100ms)',
  })
})

test.each([
  ['retention', 'it must be name=value'],
  ['retention=soon', '"soon" is not a duration'],
  ['retenton=7d', 'did you mean retention'],
  ['retention-bytes=much', '"much" is not a size'],
])('--set %s is refused before anything is sent', async (setting, expected) => {
  const { code, out, err } = await runLine(node, `topic create orders --set ${setting}`)
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain(expected)
  expect(node.requests).toEqual([])
})

test('a topic that exists already is a conflict', async () => {
  node.topic('orders')
  const { code, err } = await runLine(node, 'topic create orders')
  expect(code).toBe(4)
  expect(err).toBe('error: topic "orders" exists [already_exists]\n')
})

test('list shows a table, or names, or the objects of the API', async () => {
  node.topic('orders', [[1, 2], [3]])
  expect((await runLine(node, 'topic list -o name')).out).toBe('orders\n')
  expect((await runLine(node, 'topic list')).out).toContain(
    'orders           2        3     2.0 KB                 0  7d',
  )
  expect(JSON.parse((await runLine(node, 'topic list -o json')).out)[0]).toMatchObject({
    name: 'orders',
    records: 3,
  })
  expect(node.asked).toEqual(Array(3).fill('GET /api/v1/topics'))
})

test('no topics are said on stderr, so that stdout stays a table', async () => {
  const { out, err } = await runLine(node, 'topic list')
  expect(out.split('\n')).toHaveLength(2)
  expect(err).toContain('pspf topic create')
  expect((await runLine(node, 'topic list -q')).err).toBe('')
})

test('a field that nobody has is a usage error, with topics and without', async () => {
  const known = 'known: name, partitions, records, sizeBytes, recordsPerSecond, retention'
  for (const line of ['topic list --fields nope', 'topic list --fields name,nope.x -o json']) {
    node.topics.clear()
    const none = await runLine(node, line)
    expect([none.code, none.out]).toEqual([2, ''])
    expect(none.err).toContain(known)
    node.topic('orders')
    const some = await runLine(node, line)
    expect([some.code, some.out]).toEqual([2, ''])
  }
  expect((await runLine(node, 'topic describe orders --fields nope')).code).toBe(2)
  expect((await runLine(node, 'consume orders --fields nope')).code).toBe(2)
  const good = await runLine(node, 'topic list --fields config.retentionMs,retention,internal -o csv')
  expect(good.out).toBe('config.retentionMs,retention,internal\n604800000,604800000,false\n')
})

test('what was done is not called a mistake afterwards', async () => {
  for (const format of ['csv', 'json', 'table']) {
    node.topics.clear()
    const { code } = await runLine(node, `topic create orders --fields nope -o ${format}`)
    expect([format, code]).toEqual([format, 0])
  }
})

test('describe shows partitions', async () => {
  node.topic('orders', [[1, 2], [3]])
  const { out } = await runLine(node, 'topic describe orders')
  expect(out).toContain('partition  start  end    size  last append\n')
  expect(out).toContain('        0      0    2  2.0 KB  -\n')
})

test('names with slashes and spaces reach the node as they are', async () => {
  await runLine(node, 'topic describe a/b%20c')
  expect(node.requests[0]!.path).toBe('/api/v1/topics/a/b%20c')
})

test('alter sends only what changes, and says from what to what', async () => {
  node.topic('orders')
  const { out } = await runLine(node, 'topic alter orders --set compression=gzip')
  expect(out).toBe('changed orders: compression none -> gzip\n')
  expect(node.requests.at(-1)).toMatchObject({ method: 'PATCH', body: '{"config":{"compression":"gzip"}}' })
  expect((await runLine(node, 'topic alter orders')).code).toBe(2)
})

describe('what destroys', () => {
  test('needs consent: without a terminal and --yes it is refused before anything is asked', async () => {
    for (const line of [
      'topic delete orders',
      'topic truncate orders --before latest',
      'group reset g --to earliest',
    ]) {
      node.topic('orders')
      const { code, err } = await runLine(node, line)
      expect(code).toBe(2)
      expect(err).toContain('--yes')
      expect(node.requests.every(({ method }) => method === 'GET')).toBe(true)
    }
  })

  test('is refused in a sentence with the fix', async () => {
    expect((await runLine(node, 'topic delete c1')).err).toBe(
      'error: deleting topic c1 deletes all its records, which needs your consent; nothing was done | fix: add --yes [usage]\n',
    )
  })

  test('asks a person for the name, and takes nothing else for a yes', async () => {
    node.topic('orders')
    const refused = await runLine(node, 'topic delete orders', { isTerminal: true, answer: 'yes' })
    expect(refused.code).toBe(2)
    expect(refused.terminal.questions).toHaveLength(1)
    expect(node.requests).toEqual([])
    const agreed = await runLine(node, 'topic delete orders', { isTerminal: true, answer: 'orders' })
    expect(agreed.code).toBe(0)
    expect(node.asked).toContain('DELETE /api/v1/topics/orders')
    const forbidden = await runLine(node, 'topic delete orders --no-input', {
      isTerminal: true,
      answer: 'orders',
    })
    expect([forbidden.code, forbidden.terminal.questions]).toEqual([2, []])
  })

  test('changes nothing with --dry-run', async () => {
    node.topic('orders', [[1, 2]])
    const deleted = await runLine(node, 'topic delete orders --dry-run')
    expect(deleted.out).toBe('would delete topic orders (2 records, 2.0 KB)\n')
    const truncated = await runLine(node, 'topic truncate orders --before latest --dry-run -o json')
    expect(JSON.parse(truncated.out)).toEqual({
      topic: 'orders',
      dryRun: true,
      partitions: [{ partition: 0, startOffset: 0, before: 2 }],
    })
    await runLine(node, 'topic alter orders --set compression=gzip --dry-run')
    expect(new Set(node.requests.map(({ method }) => method))).toEqual(new Set(['GET']))
  })

  test('truncates each partition at its own offset of a time', async () => {
    node.topic('orders', [
      [1, 2, 3],
      [4, 5],
    ])
    const { code } = await runLine(
      node,
      `topic truncate orders --before ${new Date(1_700_000_003_000).toISOString()} --yes`,
    )
    expect(code).toBe(0)
    expect(node.asked.filter((line) => line.startsWith('DELETE'))).toEqual([
      'DELETE /api/v1/topics/orders/records?partition=0&before=2',
      'DELETE /api/v1/topics/orders/records?partition=1&before=0',
    ])
  })

  test.each(['soon', '12:00', '-5', '2026-99-99'])('"%s" is no place', async (place) => {
    const { code, err } = await runLine(node, `topic truncate orders --before ${place} --yes`)
    expect(code).toBe(2)
    expect(err).toContain('earliest, latest, an offset')
  })
})
