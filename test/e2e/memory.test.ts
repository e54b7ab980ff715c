// An app that leaks, in the compiled binary: it is killed and started again, alone, and loses nothing.
import { afterAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AppStatus } from '../../src/http/contract.ts'
import { eventually, Sandbox } from './binary.ts'

const sandbox = new Sandbox()
afterAll(() => sandbox.remove())

/** Each reads a topic of its own, so that what one has not yet read while it starts again is little. */
const counting = (id: string, options: string, work: string) => `
import { agg, app, topic } from 'pspf'
const kept: Uint8Array[] = []
const events = topic<{ n: number }>('events-${id}')
const counts = events.stream().peek(({ n }) => { ${work} }).keyBy(() => 'all').aggregate('counts', { n: agg.count() })
counts.to(topic('counts-${id}'))
export const counter = app({ id: '${id}'${options} }).use(counts)
`

test('an app above --memory or its own limit starts again with its state, and says why; others go on', async () => {
  const leak = 'kept.push(new Uint8Array(2 ** 20).fill(n))'
  writeFileSync(join(sandbox.folder, 'leaky.ts'), counting('leaky', '', leak))
  writeFileSync(join(sandbox.folder, 'frugal.ts'), counting('frugal', ", memory: '120MB'", leak))
  writeFileSync(join(sandbox.folder, 'sound.ts'), counting('sound', '', ''))
  const node = await sandbox.serve(['leaky.ts', 'frugal.ts', 'sound.ts', '--memory', '250MB'])
  const app = (id: string) => node.get<AppStatus>(`/api/v1/apps/${id}`)
  await eventually(
    () => node.get<AppStatus[]>('/api/v1/apps'),
    (apps) => apps.length === 3 && apps.every(({ state }) => state === 'running'),
  )
  const sent = new Map<string, number>()
  const feed = async (id: string) => {
    const n = sent.get(id) ?? 0
    sent.set(id, n + 10)
    const records = Array.from({ length: 10 }, (_, index) => ({ value: { n: n + index } }))
    await node.post(`/api/v1/topics/events-${id}/records`, { records })
  }
  await feed('sound')
  const reasons = new Map<string, string>()
  for (const id of ['leaky', 'frugal']) {
    await eventually(
      async () => {
        const { error, state } = await app(id)
        if (error !== null) reasons.set(id, error.message)
        else if (state === 'running') await feed(id)
        return reasons.has(id)
      },
      (isKilled) => isKilled,
      60_000,
    )
  }
  expect(reasons.get('leaky')).toMatch(/^the app used .* of memory, its limit is 250 MB$/)
  expect(reasons.get('frugal')).toMatch(/^the app used .* of memory, its limit is 120 MB$/)
  expect(await app('sound')).toMatchObject({ state: 'running', restarts: 0 })
  await eventually(
    () => Promise.all(['leaky', 'frugal', 'sound'].map(app)),
    (apps) => apps.every(({ state, lag }) => state === 'running' && lag === 0),
    60_000,
  )
  for (const id of ['leaky', 'frugal', 'sound']) {
    const { records } = await node.get<{ records: { value: { n: number } }[] }>(
      `/api/v1/topics/counts-${id}/records?partition=0&from=earliest&limit=10000`,
    )
    expect({ id, n: records.at(-1)?.value.n }).toEqual({ id, n: sent.get(id) })
  }
  await node.stop()
}, 120_000)
