// The examples that people copy, each saved as a file and run by the compiled binary with one command.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AppStatus, RecordsPage } from '../../src/http/contract.ts'
import { eventually, type Node, Sandbox } from './binary.ts'

const outputs = {
  revenue: ['revenue-per-minute'],
  sessions: ['clicks'],
  alarms: ['readings'],
  enrichment: ['scored-payments'],
  'dead-letters': ['usage', 'meter-lines.dead'],
}
const files = Object.keys(outputs).map((name) => `${name}.ts`)
let sandbox: Sandbox
let node: Node

beforeAll(async () => {
  sandbox = new Sandbox()
  for (const file of files) {
    const shown = await sandbox.run(['examples', 'show', file.slice(0, -3)])
    writeFileSync(join(sandbox.folder, file), shown.out)
  }
  node = await sandbox.serve(files)
}, 60_000)
afterAll(() => sandbox.remove())

test('all five run at once, and each writes what it is for', async () => {
  const apps = await eventually(
    () => node.get<AppStatus[]>('/api/v1/apps'),
    (list) => list.length === files.length && list.every(({ state }) => state === 'running'),
  )
  expect(apps.map(({ id }) => id).sort()).toEqual(Object.keys(outputs).sort())
  for (const topic of Object.values(outputs).flat()) {
    const { records } = await eventually(
      () => node.get<RecordsPage>(`/api/v1/topics/${topic}/records?partition=0&from=earliest&limit=5`),
      (page) => page.records.length > 0,
      60_000,
    )
    expect(records[0]!.value).toBeDefined()
  }
  const after = await node.get<AppStatus[]>('/api/v1/apps')
  expect(after.map(({ error, restarts }) => ({ error, restarts }))).toEqual(
    after.map(() => ({ error: null, restarts: 0 })),
  )
}, 120_000)
