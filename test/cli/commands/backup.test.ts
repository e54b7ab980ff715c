import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import type { BackupStatus } from '#http'
import { openLog } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { run } from '../../../src/cli/run.ts'
import { FakeNode, problem } from '../fake-node.ts'
import { type Outcome, runLine, terminalFor } from '../running.ts'

let node: FakeNode
let folder: string
beforeEach(() => {
  node = new FakeNode()
  folder = mkdtempSync(join(tmpdir(), 'pspf-backup-'))
})
afterEach(async () => {
  await node.stop()
  rmSync(folder, { recursive: true })
})

const status: BackupStatus = {
  id: 'b1',
  path: '/backups/one',
  kind: 'directory',
  state: 'running',
  startedAt: 1_700_000_000_000,
  finishedAt: null,
  files: 3,
  filesDone: 1,
  bytes: 3_000_000,
  bytesDone: 1_000_000,
  frame: null,
  appendTime: null,
  damage: [],
  error: null,
}
const done: Partial<BackupStatus> = { state: 'done', frame: 7, appendTime: 1_700_000_000_000 }

/** Answers `running` to the first question about it, then `last`. */
function answerWith(last: Partial<BackupStatus>): void {
  let asked = 0
  node.override = ({ method, path }) => {
    if (method === 'DELETE') return new Response(null, { status: 204 })
    if (!path.startsWith('/api/v1/backups')) return undefined
    return Response.json(asked++ < 2 ? status : { ...status, ...last })
  }
}

describe('backup create on a running node', () => {
  test('waits for its end and says what is in it', async () => {
    answerWith(done)
    const { code, out } = await runLine(node, 'ctl backup create /backups/one')
    expect(out).toBe(
      'backup made: /backups/one (3 files, 2.9 MB, everything appended up to 2023-11-14T22:13:20.000Z)\n',
    )
    expect(code).toBe(0)
    expect(JSON.parse(node.requests[0]!.body)).toEqual({ path: '/backups/one', kind: 'directory' })
  })

  test('takes a path from where it is called', async () => {
    answerWith(done)
    await runLine(node, 'ctl backup create --tar one.tar')
    expect(JSON.parse(node.requests[0]!.body)).toEqual({ path: join(process.cwd(), 'one.tar'), kind: 'tar' })
  })

  test('fails as the backup did', async () => {
    answerWith({ state: 'failed', error: { code: 'disk_full', message: 'no room', fix: 'make some' } })
    const { code, err } = await runLine(node, 'ctl backup create /backups/one')
    expect(code).toBe(1)
    expect(err).toContain('no room | fix: make some [disk_full]')
  })

  test('ends with 10 when a partition was not whole', async () => {
    answerWith({ ...done, damage: [{ topic: 'orders', partition: 2, why: 'its file is missing' }] })
    const { code, err } = await runLine(node, 'ctl backup create /backups/one')
    expect(code).toBe(10)
    expect(err).toContain('partition 2 of orders was not whole when it was saved: its file is missing')
  })

  test('is given up with Ctrl-C, and the node is told', async () => {
    answerWith({ state: 'running' })
    const terminal = terminalFor(node, 'ctl backup create /backups/one')
    const code = run(terminal)
    while (node.requests.length < 3) await Bun.sleep(1)
    terminal.interrupt()
    expect(await code).toBe(130)
    expect(node.asked.at(-1)).toBe('DELETE /api/v1/backups/b1')
  })

  test('needs one place', async () => {
    for (const line of ['ctl backup create', 'ctl backup create /a --tar /b']) {
      expect((await runLine(node, line)).code).toBe(2)
    }
    expect(node.requests).toEqual([])
  })

  test('hears why it cannot begin', async () => {
    node.override = () => problem(409, 'conflict', '/backups/one is not empty')
    expect((await runLine(node, 'ctl backup create /backups/one')).code).toBe(4)
  })
})

describe('without a node', () => {
  test('a stopped one is saved, verified and restored', async () => {
    await makeData(join(folder, 'data'))
    for (const place of [`${folder}/one`, `--tar ${folder}/one.tar`]) {
      const path = place.replace('--tar ', '')
      await mustSucceed(`ctl backup create ${place} --data-dir ${folder}/data`)
      const { out } = await mustSucceed(`ctl backup verify ${path} -o json`)
      expect(JSON.parse(out)).toMatchObject({ whole: true, records: 3, damage: [], faults: [] })
      await mustSucceed(`ctl backup restore ${path} --data-dir ${folder}/again`)
      expect(await valuesIn(join(folder, 'again'))).toEqual(['a', 'b', 'c'])
      rmSync(join(folder, 'again'), { recursive: true })
    }
  })

  test('one is restored as it was at a time, and only to times that it knows', async () => {
    await makeData(join(folder, 'data'))
    const between = Date.now()
    while (Math.floor(Date.now() / 1000) === Math.floor(between / 1000)) await Bun.sleep(10)
    await addData(join(folder, 'data'), ['d', 'e'])
    await mustSucceed(`ctl backup create ${folder}/one --data-dir ${folder}/data`)
    const restore = (until: string) =>
      runLine(node, `ctl backup restore ${folder}/one --data-dir ${folder}/again --until ${until} -o json`)
    const until = new Date(between).toISOString()
    const { code, out } = await restore(until)
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ missing: [], appendTime: expect.any(Number) })
    expect(JSON.parse(out).appendTime).toBeLessThanOrEqual(between)
    expect(await valuesIn(join(folder, 'again'))).toEqual(['a', 'b', 'c'])
    rmSync(join(folder, 'again'), { recursive: true })
    for (const [time, why] of [
      ['2001-01-01', 'was empty'],
      [String(Date.now() + 60_000), 'nothing of later'],
      ['noon', '--until cannot be'],
      ['2026-13-01', '--until cannot be'],
    ] as const) {
      const refused = await restore(time)
      expect(refused.code).not.toBe(0)
      expect(refused.err).toContain(why)
    }
    expect(existsSync(join(folder, 'again', 'checkpoint'))).toBe(false)
  })

  test('a damaged backup ends with 10, whoever looks at it', async () => {
    await makeData(join(folder, 'data'))
    await mustSucceed(`ctl backup create ${folder}/one --data-dir ${folder}/data`)
    const path = join(folder, 'one', 'checkpoint')
    const bytes = readFileSync(path)
    bytes[40]! ^= 1
    writeFileSync(path, bytes)
    const verified = await runLine(node, `ctl backup verify ${folder}/one`)
    expect({ code: verified.code, names: verified.out.includes('checkpoint has changed') }).toEqual({
      code: 10,
      names: true,
    })
    const restored = await runLine(node, `ctl backup restore ${folder}/one --data-dir ${folder}/again`)
    expect(restored.code).toBe(10)
    expect((await runLine(node, `ctl backup verify ${folder}/data`)).code).toBe(10)
    expect((await runLine(node, `ctl backup verify ${folder}/nothing`)).code).toBe(3)
  })

  test('nothing that exists is written over', async () => {
    await makeData(join(folder, 'data'))
    await mustSucceed(`ctl backup create ${folder}/one --data-dir ${folder}/data`)
    expect((await runLine(node, `ctl backup create ${folder}/one --data-dir ${folder}/data`)).code).toBe(4)
    expect((await runLine(node, `ctl backup restore ${folder}/one --data-dir ${folder}/data`)).code).toBe(4)
    expect((await runLine(node, `ctl backup create ${folder}/data/x --data-dir ${folder}/data`)).code).toBe(7)
    expect((await runLine(node, `ctl backup create ${folder}/two --data-dir ${folder}/no`)).code).toBe(3)
    expect(await valuesIn(join(folder, 'data'))).toEqual(['a', 'b', 'c'])
  })
})

async function mustSucceed(line: string): Promise<Outcome> {
  const outcome = await runLine(node, line)
  expect(outcome).toMatchObject({ code: 0 })
  return outcome
}

const id = { topicId: 'a'.repeat(32), partition: 0 }

async function withLog<T>(directory: string, use: (log: Awaited<ReturnType<typeof openLog>>) => Promise<T>) {
  const disk = realDisk()
  const parts = {
    disk,
    clock: realClock(),
    random: realRandom(),
    logger: silentLogger,
    metrics: new Metrics(),
  }
  const log = await openLog({ ...parts, directory })
  try {
    return await use(log)
  } finally {
    await log.close()
    disk.close()
  }
}

async function makeData(directory: string): Promise<void> {
  await withLog(directory, async (log) => void (await log.append([{ kind: 'create', id, topic: 'orders' }])))
  await addData(directory, ['a', 'b', 'c'])
}

async function addData(directory: string, values: readonly string[]): Promise<void> {
  await withLog(directory, async (log) => {
    const builder = new BatchBuilder()
    for (const value of values) {
      builder.append({ key: null, value: new TextEncoder().encode(value), timestamp: 1 })
    }
    await log.append([{ kind: 'batch', id, batch: builder.build() }])
  })
}

async function valuesIn(directory: string): Promise<string[]> {
  return await withLog(directory, async (log) => {
    const bytes = await log.partition(id)!.read(log.partition(id)!.startOffset, 1000)
    return [...readRecords(bytes)].map(({ value }) => new TextDecoder().decode(value!))
  })
}
