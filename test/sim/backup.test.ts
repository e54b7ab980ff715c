// Backups of a log that works meanwhile: one moment, whole appends, nothing lost, and a source that does not notice.
import { describe, expect, test } from 'bun:test'
import { asMillis, asOffset, BrokerError, seededRandom } from '#base'
import type { BackupPlace, OpenLog, PartitionId } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { acknowledged, checkRestored, codeOf, restoreTo, startBackup, verifyAt } from './backup-scenario.ts'
import { LogScenario } from './log-scenario.ts'

const [from, to] = (process.env['SEEDS'] ?? '0-60').split('-').map(Number) as [number, number]
const directory: BackupPlace = { path: '/backup', kind: 'directory' }
const tar: BackupPlace = { path: '/backup.tar', kind: 'tar' }

async function worked(seed: number, mutant = {}): Promise<LogScenario> {
  const scenario = new LogScenario(seed, mutant)
  await scenario.open()
  await scenario.work(40)
  await scenario.settle()
  return scenario
}

/** A quiet log and its backup. */
async function backedUp(place: BackupPlace, seed = 3): Promise<LogScenario> {
  const scenario = await worked(seed)
  await scenario.drive(startBackup(scenario, place))
  return scenario
}

describe('a backup of a log that works', () => {
  for (let seed = from; seed < to; seed++) {
    const place = seed % 2 === 0 ? directory : tar
    test(`holds one moment of it, as a ${place.kind} (seed ${seed})`, async () => {
      const scenario = await worked(seed, { cannotLink: seed % 3 === 0 })
      const surely = acknowledged(scenario)
      const backup = startBackup(scenario, place)
      // A failure before anybody waits for it must not end the run.
      backup.catch(() => undefined)
      await scenario.work(20 + seededRandom(seed).below(60))
      await scenario.settle()
      const { damage } = await scenario.drive(backup)
      expect(damage).toEqual([])
      expect((await verifyAt(scenario, place.path)).faults).toEqual([])
      await checkRestored(scenario, place.path, surely)
      await scenario.check()
      // The source and its backup share files: neither may change the other.
      await scenario.work(60)
      await scenario.settle()
      scenario.powerCut(0.5)
      await scenario.open()
      await scenario.check()
      expect((await verifyAt(scenario, place.path)).faults).toEqual([])
    })
  }
})

describe('a backup', () => {
  test('of what is trimmed and deleted meanwhile still holds it', async () => {
    const scenario = await worked(5)
    // No checkpoint is under way, so that the snapshot is the next one.
    await scenario.clock.advance(100)
    const surely = acknowledged(scenario)
    const log = scenario.log!
    const backup = startBackup(scenario, tar)
    backup.catch(() => undefined)
    // The snapshot is taken; nothing is copied yet.
    await scenario.clock.step()
    for (const { id, endOffset } of [...log.partitions()]) {
      await scenario.drive(log.append([{ kind: 'trim', id, before: endOffset }]))
      await scenario.drive(log.append([{ kind: 'delete', id }]))
    }
    await scenario.drive(backup)
    await checkRestored(scenario, tar.path, surely)
    // Nothing is held any more.
    await scenario.clock.advance(1000)
    expect(scenario.disk.list('/data/topics').filter((name) => name.endsWith('.deleted'))).toEqual([])
  })

  test('of what is compacted meanwhile still holds it, and one of what was holds what is left', async () => {
    const scenario = new LogScenario(5, { cannotLink: true })
    const log = await scenario.open()
    const id = { topicId: 'd'.repeat(32), partition: 0 }
    await scenario.drive(log.append([{ kind: 'create', id, topic: 'table' }]))
    for (let round = 0; round < 60; round++) {
      await scenario.drive(log.append([{ kind: 'batch', id, batch: keyedBatch(`key-${round % 3}`, round) }]))
    }
    const backup = startBackup(scenario, directory)
    backup.catch(() => undefined)
    await scenario.clock.step()
    await scenario.drive(log.append([{ kind: 'roll', id }]))
    const { swaps } = await scenario.drive(log.compact(id, { now: asMillis(1e12), deleteRetentionMs: 0 }))
    expect(swaps).toBeGreaterThan(0)
    expect((await scenario.drive(backup)).damage).toEqual([])
    await scenario.drive(startBackup(scenario, tar))

    expect(await verifyAt(scenario, directory.path)).toMatchObject({ faults: [], records: 60 })
    const compacted = await verifyAt(scenario, tar.path)
    expect(compacted.faults).toEqual([])
    expect(compacted.records).toBeLessThan(60)
    expect(compacted.manifest.files.some(({ path }) => /\d{20}\.\d+\.log$/.test(path))).toBe(true)
    for (const [from, to, records] of [
      [directory.path, '/restored', 60],
      [tar.path, '/restored-again', compacted.records],
    ] as const) {
      await restoreTo(scenario, from, to)
      const restored = await scenario.openAt(to)
      expect({ damages: restored.damages, quarantined: restored.report.quarantined }).toEqual({
        damages: [],
        quarantined: [],
      })
      expect(await scenario.drive(countRecords(restored, id))).toBe(records)
      await scenario.drive(restored.close())
    }
  })

  test('of a stopped node that starts again elsewhere goes on with its frames', async () => {
    const scenario = await backedUp(directory)
    await restoreTo(scenario, directory.path, '/restored')
    const log = await scenario.openAt('/restored')
    expect(log.report).toMatchObject({ clean: true, framesReplayed: 0, quarantined: [] })
    const before = (await verifyAt(scenario, directory.path)).manifest.frame
    const id = { topicId: 'c'.repeat(32), partition: 0 }
    const { frame } = await scenario.drive(log.append([{ kind: 'create', id, topic: 'more' }]))
    expect(frame).toBe(before + 1)
    await scenario.drive(log.close())
    const again = await scenario.openAt('/restored')
    expect(again.partition(id)?.topic).toBe('more')
    await scenario.drive(again.close())
  })

  test('is refused where something is', async () => {
    for (const place of [directory, tar]) {
      const scenario = await backedUp(place)
      const before = await verifyAt(scenario, place.path)
      expect(await codeOf(scenario.drive(startBackup(scenario, place)))).toBe('conflict')
      expect(await codeOf(restoreTo(scenario, place.path, '/data'))).toBe('conflict')
      expect(await verifyAt(scenario, place.path)).toEqual(before)
      await scenario.check()
    }
  })

  test('that is given up leaves nothing', async () => {
    for (const place of [directory, tar]) {
      const scenario = await worked(3, { cannotLink: true })
      const stop = new AbortController()
      const backup = codeOf(startBackup(scenario, place, stop.signal))
      for (let step = 0; step < 12; step++) await scenario.clock.step()
      stop.abort(new BrokerError('closed', 'given up'))
      expect(await scenario.drive(backup)).toBe('closed')
      const rest = place.kind === 'tar' ? scenario.disk.list('/') : scenario.disk.list('/backup')
      expect(rest.filter((name) => name !== 'data')).toEqual([])
      await scenario.check()
    }
  })

  test('is given up when it keeps room from a log that needs it', async () => {
    const scenario = await worked(3, { cannotLink: true })
    const backup = codeOf(startBackup(scenario, directory))
    for (let step = 0; step < 12; step++) await scenario.clock.step()
    scenario.disk.freeBytes = 500
    expect(await scenario.drive(backup)).toBe('disk_full')
  })

  test('cannot be served, nor can a restore that did not finish', async () => {
    const scenario = await backedUp(directory)
    expect(await codeOf(scenario.openAt('/backup'))).toBe('conflict')
    await restoreTo(scenario, directory.path, '/restored')
    scenario.disk.open('/restored/restore.incomplete', 'create').close()
    expect(await codeOf(scenario.openAt('/restored'))).toBe('corrupt')
  })

  test('of a log that stopped is refused with the reason', async () => {
    const scenario = await worked(3)
    scenario.disk.plan = { call: scenario.disk.calls + 1, fault: 'EIO', lasting: true }
    await scenario.work(3)
    await scenario.settle()
    scenario.disk.plan = null
    expect(await codeOf(scenario.drive(startBackup(scenario, directory)))).toBe('disk_failed')
    expect(scenario.disk.list('/backup')).toEqual([])
  })
})

describe('damage', () => {
  test('to any byte of a backup is found', async () => {
    for (const place of [directory, tar]) {
      const scenario = await backedUp(place)
      const { disk } = scenario
      const { manifest } = await verifyAt(scenario, place.path)
      const random = seededRandom(1)
      const paths =
        place.kind === 'tar' ? [place.path] : ['manifest.json', ...manifest.files.map(({ path }) => path)]
      for (const path of paths) {
        const file = place.kind === 'tar' ? path : `/backup/${path}`
        for (let flip = 0; flip < (place.kind === 'tar' ? 200 : 8); flip++) {
          const byte = random.below(disk.fileSize(file))
          const bit = random.below(8)
          disk.flip(file, byte, bit)
          const found = await codeOf(verifyAt(scenario, place.path).then(({ faults }) => mustFind(faults)))
          // What only fills a tar file up to whole blocks is no part of the backup.
          const isFill = place.kind === 'tar' && isTarFill(scenario, file, byte)
          if (!isFill && found === 'done') throw new Error(`byte ${byte}, bit ${bit} of ${file} was missed`)
          disk.flip(file, byte, bit)
        }
      }
      expect((await verifyAt(scenario, place.path)).faults).toEqual([])
    }
  })

  test('to the source is saved as it is and named', async () => {
    const scenario = await worked(3)
    const [path, size] = largestSegment(scenario)
    scenario.disk.flip(path, size - 10, 3)
    const manifest = await scenario.drive(startBackup(scenario, directory))
    expect(manifest.damage).toHaveLength(1)
    expect(manifest.damage[0]!.why).toContain('its checksum does not match')
    const report = await verifyAt(scenario, directory.path)
    expect(report.faults).toEqual([])
    await restoreTo(scenario, directory.path, '/restored')
    const log = await scenario.openAt('/restored')
    expect(log.report.quarantined).toHaveLength(1)
    await scenario.drive(log.close())
  })

  test('to the source that no batch shows is found by its block sums', async () => {
    const scenario = await worked(3)
    const [path] = largestSegment(scenario)
    // Bytes 12 to 15 of a batch are its epoch.
    scenario.disk.flip(path, 13, 2)
    const manifest = await scenario.drive(startBackup(scenario, directory))
    expect(manifest.damage).toMatchObject([{ why: expect.stringContaining('checksum of a block') }])
    expect((await verifyAt(scenario, directory.path)).faults).toEqual([])
  })

  test('is not restored', async () => {
    const scenario = await backedUp(directory)
    const { manifest } = await verifyAt(scenario, directory.path)
    scenario.disk.flip(`/backup/${manifest.files[0]!.path}`, 70, 1)
    expect(await codeOf(restoreTo(scenario, directory.path, '/restored'))).toBe('corrupt')
    expect(scenario.disk.list('/restored')).toEqual([])
  })
})

function keyedBatch(key: string, value: number): Uint8Array {
  const builder = new BatchBuilder()
  const text = new TextEncoder()
  builder.append({ key: text.encode(key), value: text.encode(`${value}:${'x'.repeat(200)}`), timestamp: 1 })
  return builder.build()
}

async function countRecords(log: OpenLog, id: PartitionId): Promise<number> {
  const partition = log.partition(id)!
  let count = 0
  for (let next: number = partition.startOffset; next < partition.endOffset; ) {
    for (const { offset } of readRecords(await partition.read(asOffset(next), 1000), next)) {
      count++
      next = offset + 1
    }
  }
  return count
}

function mustFind(faults: readonly unknown[]): void {
  if (faults.length > 0) throw new BrokerError('corrupt', 'found')
}

function largestSegment({ disk }: LogScenario): [string, number] {
  const paths = disk
    .list('/data/topics')
    .filter((topic) => !topic.endsWith('.deleted'))
    .flatMap((topic) => disk.list(`/data/topics/${topic}`).map((name) => `/data/topics/${topic}/${name}`))
    .filter((path) => path.endsWith('.log'))
    .sort((a, b) => disk.fileSize(b) - disk.fileSize(a))
  return [paths[0]!, disk.fileSize(paths[0]!)]
}

/** Padding after a file, or the two blocks at the end. */
function isTarFill({ disk }: LogScenario, path: string, byte: number): boolean {
  const file = disk.open(path, 'read')
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  file.close()
  for (let at = 0; at < bytes.length; ) {
    const size = Number.parseInt(new TextDecoder().decode(bytes.subarray(at + 124, at + 135)), 8)
    if (Number.isNaN(size)) return byte >= at
    const end = at + 512 + size
    const next = end + ((512 - (size % 512)) % 512)
    if (byte >= end && byte < next) return true
    if (byte >= at && byte < at + 512) return isUnusedHeader(byte - at)
    at = next
  }
  return true
}

/** Fields that a restore does not use: a damaged one shows in the header's own checksum, or not at all. */
const isUnusedHeader = (at: number) => at >= 148 && at < 156
