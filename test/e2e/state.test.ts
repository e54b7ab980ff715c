// The stores of a real app, as its operator sees them with the compiled binary.
import { afterAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AppStatus } from '../../src/http/contract.ts'
import { testedStores } from '../streams/state/stores.ts'
import { eventually, Sandbox } from './binary.ts'

const sandbox = new Sandbox()
afterAll(() => sandbox.remove())

const stores = testedStores.filter(({ kind, missing }) => kind !== 'memory' && missing === null)

test('state inspect lists the stores of a stopped node, state export writes them out', async () => {
  const files = stores.map(({ kind }) => {
    writeFileSync(
      join(sandbox.folder, `${kind}.ts`),
      `import { agg, app, topic } from 'pspf'
const events = topic<{ k: string }>('events')
const counts = events.stream().keyBy('k').aggregate('counts', { n: agg.count() })
counts.to(topic('counts-${kind}'))
export const counting = app({ id: 'counting-${kind}', store: '${kind}' }).use(counts)
`,
    )
    return `${kind}.ts`
  })
  const node = await sandbox.serve(files)
  await eventually(
    () => node.get<AppStatus[]>('/api/v1/apps'),
    (apps) => apps.length === files.length && apps.every(({ state }) => state === 'running'),
  )
  const records = ['a', 'b', 'a', 'c'].map((k) => ({ value: { k } }))
  await node.post('/api/v1/topics/events/records', { records })
  await eventually(
    () => node.get<AppStatus[]>('/api/v1/apps'),
    (apps) =>
      apps.length === files.length &&
      apps.every(
        ({ state, nodes, lag }) =>
          state === 'running' && lag === 0 && nodes.some(({ recordsIn }) => recordsIn === 4),
      ),
  )
  const held = await sandbox.run(['ctl', 'state', 'inspect', '--data-dir', 'pspf-data'])
  expect(held.code).toBe(4)
  await node.stop()
  const { code, out, err } = await sandbox.run([
    'ctl',
    'state',
    'inspect',
    '--data-dir',
    'pspf-data',
    '-o',
    'json',
  ])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(JSON.parse(out)).toMatchObject(
    stores
      .map(({ kind }) => kind)
      .sort()
      .map((store) => ({
        app: `counting-${store}`,
        task: 'events-0',
        store,
        nodes: [{ node: 'counts', keys: 3 }],
      })),
  )
  const exported = await sandbox.run([
    'ctl',
    'state',
    'export',
    'counting-lmdb',
    '--node',
    'counts',
    '--data-dir',
    'pspf-data',
  ])
  expect(exported.code).toBe(0)
  const rows = exported.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; key: string })
  expect(rows.filter(({ kind }) => kind === 'result').map(({ key }) => key)).toEqual(['a', 'b', 'c'])
  // Looking at it has changed nothing that counts: the app goes on where it was.
  const again = await sandbox.serve(files)
  await again.post('/api/v1/topics/events/records', { records: [{ value: { k: 'a' } }] })
  for (const { kind } of stores) {
    await eventually(
      () =>
        again.get<{ records: { value: { key: string; n: number } }[] }>(
          `/api/v1/topics/counts-${kind}/records?partition=0&from=earliest&limit=100`,
        ),
      ({ records: rows }) => rows.at(-1)?.value.key === 'a' && rows.at(-1)?.value.n === 3,
    )
  }
  await again.stop()
}, 120_000)
