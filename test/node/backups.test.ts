import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokerError, Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { type OpenLog, openLog } from '#log'
import { BatchBuilder } from '#record'
import { Backups } from '../../src/node/backups.ts'

let folder: string
let log: OpenLog
let backups: Backups
const disk = realDisk()
const parts = { disk, clock: realClock(), random: realRandom(), logger: silentLogger }

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pspf-backups-'))
  const directory = join(folder, 'data')
  mkdirSync(directory)
  log = await openLog({ ...parts, metrics: new Metrics(), directory })
  const id = { topicId: 'a'.repeat(32), partition: 0 }
  const builder = new BatchBuilder()
  builder.append({ key: null, value: new Uint8Array(600_000), timestamp: 1 })
  await log.append([{ kind: 'create', id, topic: 'orders' }])
  await log.append([{ kind: 'batch', id, batch: builder.build() }])
})
afterEach(async () => {
  await backups.close()
  await log.close()
  rmSync(folder, { recursive: true })
})

/** 20 KB a second: a backup takes half a minute, unless it is given up. */
function open(bytesPerSecond = 20_000): Backups {
  const metrics = new Metrics()
  const dataDirectory = join(folder, 'data')
  backups = new Backups({
    ...parts,
    log,
    metrics,
    dataDirectory,
    version: 'test',
    openDisk: realDisk,
    bytesPerSecond,
  })
  return backups
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'done'
  } catch (thrown) {
    return thrown instanceof BrokerError ? thrown.code : String(thrown)
  }
}

describe('backups of a node', () => {
  test('are made one at a time', async () => {
    open()
    const { id } = await backups.start({ path: join(folder, 'one') })
    expect(await codeOf(backups.start({ path: join(folder, 'two') }))).toBe('conflict')
    expect(existsSync(join(folder, 'two'))).toBe(false)
    await backups.cancel(id)
    expect(await codeOf(backups.start({ path: join(folder, 'two') }))).toBe('done')
  })

  test('end with the node, and leave nothing', async () => {
    open()
    const { id } = await backups.start({ path: join(folder, 'one') })
    await backups.start({ path: join(folder, 'one.tar'), kind: 'tar' }).catch(() => undefined)
    await backups.close()
    expect(backups.get(id)).toMatchObject({ state: 'cancelled', error: { code: 'closed' } })
    expect(readdirSync(join(folder, 'one'))).toEqual([])
    expect(await codeOf(backups.start({ path: join(folder, 'two') }))).toBe('closed')
  })

  test('stay out of the data directory, by whatever name it is called', async () => {
    open()
    symlinkSync(join(folder, 'data'), join(folder, 'other-name'))
    for (const path of ['data', 'data/x', 'data/../data/x', 'other-name/x', 'other-name/x/y.tar']) {
      expect({ path, code: await codeOf(backups.start({ path: `${folder}/${path}` })) }).toEqual({
        path,
        code: 'invalid_request',
      })
    }
    expect(await codeOf(backups.start({ path: 'relative' }))).toBe('invalid_request')
    expect(backups.list()).toEqual([])
  })

  test('say where a place cannot be used', async () => {
    open()
    expect(await codeOf(backups.start({ path: '/proc/nothing/here' }))).toBe('invalid_request')
    expect(await codeOf(backups.start({ path: '/dev/null/x' }))).toBe('conflict')
  })

  test('are listed, the newest first', async () => {
    open(Number.POSITIVE_INFINITY)
    for (const name of ['one', 'two']) {
      const { id } = await backups.start({ path: join(folder, name) })
      while (backups.get(id)?.state === 'running') await Bun.sleep(1)
      expect(backups.get(id)).toMatchObject({ state: 'done', damage: [], error: null })
    }
    expect(backups.list().map(({ path }) => path)).toEqual([join(folder, 'two'), join(folder, 'one')])
  })
})
