// A backup brought back to an earlier moment: everything up to one frame is there, and nothing of any later one. SEEDS=0-500
// runs more.
import { describe, expect, test } from 'bun:test'
import { asMillis, asOffset, BrokerError, Metrics, seededRandom, silentLogger } from '#base'
import {
  backupTarget,
  createBackup,
  type LogEntry,
  type LogGroup,
  type LogLimits,
  type OpenLog,
  openBackup,
  openLog,
  type PartitionId,
  type Restored,
  repairLog,
  restoreBackup,
  verifyLog,
} from '#log'
import { BatchBuilder, readRecords } from '#record'
import { LogMachine } from './log-machine.ts'
import { smallLimits } from './log-scenario.ts'

const [first, last] = (process.env['SEEDS'] ?? '0-40').split('-').map(Number) as [number, number]
const watching = { signal: new AbortController().signal, onProgress: () => undefined }
const places = {
  directory: { path: '/backup', kind: 'directory' },
  tar: { path: '/backup.tar', kind: 'tar' },
} as const

type Written = {
  readonly frame: number
  readonly appendTime: number
  readonly id: PartitionId
  readonly value: string
}

/** A log at work, and what was acknowledged in it, by frame. */
class Worked {
  readonly machine: LogMachine
  readonly written: Written[] = []
  readonly frames: { readonly frame: number; readonly appendTime: number }[] = []
  readonly created = new Map<string, number>()
  readonly deleted = new Set<string>()
  readonly ids: PartitionId[] = []
  /** Part of the history may be lost. */
  isLossy = false
  #count = 0

  constructor(seed: number, limits: Partial<LogLimits> = {}) {
    const roomy = { historyFileBytes: 2000, historyFilesMax: 1e9 }
    this.machine = new LogMachine(seed, {
      segmentSizeBytesMax: 1500,
      checkpointMs: 2500,
      ...roomy,
      ...limits,
    })
  }

  get log(): OpenLog {
    return this.machine.log as OpenLog
  }

  async append(entries: readonly LogEntry[]): Promise<number> {
    const { frame, appendTime } = await this.machine.run(this.log.append(entries))
    this.frames.push({ frame, appendTime })
    return frame
  }

  async create(): Promise<PartitionId> {
    const number = this.created.size
    const id = { topicId: (number + 16).toString(16).padStart(32, '0'), partition: number % 3 }
    const frame = await this.append([{ kind: 'create', id, topic: `topic-${number}` }])
    this.created.set(id.topicId, frame)
    this.ids.push(id)
    return id
  }

  async delete(id: PartitionId): Promise<void> {
    await this.append([{ kind: 'delete', id }])
    this.deleted.add(id.topicId)
    this.ids.splice(this.ids.indexOf(id), 1)
  }

  /** Changes nothing that can be read. */
  async roll(id: PartitionId): Promise<void> {
    await this.machine.run(this.log.append([{ kind: 'roll', id }]))
  }

  /** One commit over some partitions. */
  async commit(ids: readonly PartitionId[], sizeBytes = 20): Promise<void> {
    const value = `${this.#count++}${'.'.repeat(sizeBytes)}`
    const entries = ids.map((id): LogEntry => ({ kind: 'batch', id, batch: batchOf(null, value) }))
    const { frame, appendTime } = await this.machine.run(this.log.append(entries))
    this.frames.push({ frame, appendTime })
    for (const id of ids) this.written.push({ frame, appendTime, id, value })
  }

  async work(random: ReturnType<typeof seededRandom>, steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const { machine, ids } = this
      const some = ids.filter(() => random.below(2) === 0)
      const dice = random.below(60)
      if (ids.length < 2 || dice === 0) await this.create()
      else if (dice === 1 && ids.length > 3) await this.delete(ids[random.below(ids.length)]!)
      else if (dice === 2) await this.roll(ids[random.below(ids.length)]!)
      else if (dice === 3 || dice === 4) await this.fall(random)
      else if (dice === 5) await this.checkpointWithout(random)
      else if (some.length > 0) await this.commit(some, random.below(90))
      const restMs = [0, 0, 1, 30, 400, 5000][random.below(6)]!
      if (restMs > 0) await machine.clock.advance(random.below(restMs))
    }
  }

  async fall(random: ReturnType<typeof seededRandom>): Promise<void> {
    const { machine } = this
    const kind = random.below(4)
    if (kind === 0) await machine.close()
    if (kind === 3) {
      // At some call of the checkpoint that follows.
      await this.commit(this.ids)
      machine.disk.plan = { call: machine.disk.calls + 1 + random.below(25), fault: 'crash-before' }
      await machine.clock.advance(3000)
    }
    if (kind >= 2) this.machine.powerCut(random.below(2))
    else this.machine.kill()
    await this.machine.open()
  }

  /** Something in it finds no room. */
  async checkpointWithout(random: ReturnType<typeof seededRandom>): Promise<void> {
    const { machine } = this
    this.isLossy = true
    await this.commit(this.ids)
    machine.disk.plan = { call: machine.disk.calls + 1 + random.below(12), fault: 'ENOSPC' }
    await machine.clock.advance(3000)
    machine.disk.plan = null
  }

  async backUp(kind: keyof typeof places): Promise<void> {
    const { disk, clock } = this.machine
    const target = backupTarget(disk, places[kind], clock.now())
    const options = { clock, madeBy: 'test', bytesPerSecond: 1e9, ...watching }
    await this.machine.run(target.begin().then(() => createBackup(this.log, target, options)))
  }

  async restore(kind: keyof typeof places, directory: string, until: number): Promise<Restored> {
    const { disk, clock } = this.machine
    const work = async () => {
      const source = await openBackup(disk, places[kind].path)
      try {
        return await restoreBackup(source, { disk, clock, directory, until, ...watching })
      } finally {
        source.close()
      }
    }
    return await this.machine.run(work())
  }

  partsAt(directory: string) {
    const { disk, clock, random } = this.machine
    return { disk, clock, random, logger: silentLogger, metrics: new Metrics(), ...smallLimits, directory }
  }

  /** By topic id. */
  async contents(log: LogGroup): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>()
    for (const partition of log.partitions()) {
      const values: string[] = []
      for (let next: number = partition.startOffset; next < partition.endOffset; ) {
        const bytes = await this.machine.run(partition.read(asOffset(next), 500))
        for (const { offset, value } of readRecords(bytes, next)) {
          values.push(new TextDecoder().decode(value!))
          next = offset + 1
        }
      }
      found.set(partition.id.topicId, values)
    }
    return found
  }

  /** What was there behind a frame, of what is not deleted by now. */
  expected(frame: number): Map<string, string[]> {
    const values = new Map<string, string[]>()
    for (const [topicId, created] of this.created)
      if (created <= frame && !this.deleted.has(topicId)) values.set(topicId, [])
    for (const one of this.written) if (one.frame <= frame) values.get(one.id.topicId)?.push(one.value)
    return values
  }
}

function batchOf(key: string | null, value: string): Uint8Array {
  const builder = new BatchBuilder()
  const encoder = new TextEncoder()
  builder.append({
    key: key === null ? null : encoder.encode(key),
    value: encoder.encode(value),
    timestamp: 1,
  })
  return builder.build()
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: BrokerError) => error.code,
  )

const secondOf = (time: number) => Math.floor(time / 1000)

describe('a backup restored to a time', () => {
  for (let seed = first; seed < last; seed++) {
    test(`holds every frame up to a moment and none behind it (seed ${seed})`, async () => {
      const random = seededRandom(seed)
      const worked = new Worked(seed)
      await worked.machine.open()
      await worked.work(random, 60 + random.below(100))
      const kind = seed % 2 === 0 ? 'directory' : 'tar'
      await worked.backUp(kind)
      const end = worked.frames.at(-1)!.appendTime
      // Within the first second there may be nothing yet.
      const begin = Math.min((secondOf(worked.frames[0]!.appendTime) + 1) * 1000, end)
      for (let cut = 0; cut < 8; cut++) {
        const until = cut === 0 ? end : begin + random.below(end - begin + 1)
        const directory = `/restored-${cut}`
        const restored = await worked.restore(kind, directory, until).catch((error: BrokerError) => error)
        if (restored instanceof BrokerError) {
          // What was there when it was made is known, whatever was lost before.
          expect(cut).toBeGreaterThan(0)
          expect(worked.isLossy && /lost a part|does not go back/.test(restored.message)).toBe(true)
          continue
        }
        const { moment } = restored
        expect(moment.appendTime).toBeLessThanOrEqual(until)
        // Nothing of an earlier second is left out.
        const due = worked.frames.filter(({ appendTime }) => secondOf(appendTime) < secondOf(until)).at(-1)
        if (!worked.isLossy) expect(moment.frame).toBeGreaterThanOrEqual(due?.frame ?? 0)
        if (cut === 0) expect(moment.frame).toBeGreaterThanOrEqual(worked.frames.at(-1)!.frame)
        const { findings } = await worked.machine.run(verifyLog(worked.partsAt(directory)))
        expect(findings).toEqual([])
        let log = await worked.machine.run(openLog(worked.partsAt(directory)))
        expect(log.report).toMatchObject({ clean: true, quarantined: [] })
        expect(await worked.contents(log)).toEqual(worked.expected(moment.frame))
        // It goes on from there, whatever happens.
        const expected = worked.expected(moment.frame)
        const id = [...log.partitions()][0]?.id
        if (id !== undefined) {
          const { appendTime } = await worked.machine.run(
            log.append([{ kind: 'batch', id, batch: batchOf(null, 'later') }]),
          )
          expect(appendTime).toBeGreaterThanOrEqual(moment.appendTime)
          expected.get(id.topicId)!.push('later')
        }
        await worked.machine.run(log.close())
        log = await worked.machine.run(openLog(worked.partsAt(directory)))
        expect(await worked.contents(log)).toEqual(expected)
        expect(log.damages).toEqual([])
        await worked.machine.run(log.close())
      }
    })
  }

  test('is refused for a time that it does not know, and leaves nothing', async () => {
    const worked = new Worked(1)
    await worked.machine.open()
    const began = worked.machine.clock.now()
    const id = await worked.create()
    for (let count = 0; count < 5; count++) {
      await worked.commit([id])
      await worked.machine.clock.advance(1500)
    }
    const taken = worked.machine.clock.now()
    await worked.backUp('directory')
    for (const [until, why] of [
      [began - 1000, 'was empty'],
      [taken + 60_000, 'and nothing of later'],
    ] as const) {
      const refused = worked.restore('directory', '/restored', until)
      expect(await refused.then(String, (error: BrokerError) => `${error.code}: ${error.message}`)).toContain(
        why,
      )
      expect(worked.machine.disk.list('/restored')).toEqual([])
    }
    // Between the last append and the backup nothing happened.
    expect((await worked.restore('directory', '/restored', taken)).moment.frame).toBe(
      worked.frames.at(-1)!.frame,
    )
  })

  test('of a log whose past was compacted or deleted since is refused, and from then on is given', async () => {
    const worked = new Worked(2)
    await worked.machine.open()
    const id = await worked.create()
    const put = async (key: string, value: string) => {
      const batch = batchOf(key, value)
      await worked.append([{ kind: 'batch', id, batch }])
      await worked.machine.clock.advance(1500)
      return worked.frames.at(-1)!.appendTime
    }
    const before = await put('a', 'old')
    await put('b', 'only')
    await put('a', 'new')
    await worked.roll(id)
    const now = asMillis(worked.machine.clock.now())
    await worked.machine.run(worked.log.compact(id, { now, deleteRetentionMs: 0 }))
    await worked.machine.clock.advance(1500)
    const after = await put('b', 'newer')
    const emptied = await worked.create()
    await worked.commit([emptied])
    await worked.machine.clock.advance(1500)
    const full = worked.frames.at(-1)!.appendTime
    await worked.commit([emptied])
    await worked.append([{ kind: 'trim', id: emptied, before: asOffset(2) }])
    await worked.machine.clock.advance(1500)
    await worked.backUp('directory')
    expect(await codeOf(worked.restore('directory', '/restored', before))).toBe('conflict')
    expect(await codeOf(worked.restore('directory', '/restored', full))).toBe('conflict')
    expect(worked.machine.disk.list('/restored')).toEqual([])
    await worked.restore('directory', '/restored', after)
    const log = await worked.machine.run(openLog(worked.partsAt('/restored')))
    expect(await worked.contents(log)).toEqual(new Map([[id.topicId, ['only', 'new', 'newer']]]))
    await worked.machine.run(log.close())
  })

  test('does not reach back behind the oldest of the files that its history may have', async () => {
    const worked = new Worked(5, { historyFileBytes: 400, historyFilesMax: 3 })
    const { machine } = worked
    await machine.open()
    const ids = [await worked.create(), await worked.create()]
    for (let count = 0; count < 200; count++) {
      await worked.commit(ids)
      await machine.clock.advance(700)
      if (count % 60 === 59) await worked.fall(seededRandom(count))
    }
    const files = machine.disk.list('/data/history')
    expect(files).toHaveLength(3)
    await worked.backUp('tar')
    const { frames } = worked
    const early = worked.restore('tar', '/restored', frames[10]!.appendTime)
    expect(await early.then(String, (error: BrokerError) => error.message)).toContain('does not go back to')
    const { moment } = await worked.restore('tar', '/restored', frames.at(-3)!.appendTime)
    expect(moment.frame).toBeGreaterThan(frames.at(-6)!.frame)
    const log = await machine.run(openLog(worked.partsAt('/restored')))
    expect(await worked.contents(log)).toEqual(worked.expected(moment.frame))
    await machine.run(log.close())
  })

  test('of a log that was cut by a repair knows nothing of before', async () => {
    const worked = new Worked(6)
    const { machine } = worked
    await machine.open()
    const id = await worked.create()
    for (let count = 0; count < 6; count++) {
      await worked.commit([id])
      await machine.clock.advance(1500)
    }
    const before = worked.frames[3]!.appendTime
    await machine.close()
    machine.kill()
    const choice = { kind: 'truncate', partition: 'topic-0-0', at: 1 } as const
    await machine.run(repairLog({ ...worked.partsAt('/data'), choice, apply: true }))
    await machine.open()
    for (let count = 0; count < 6; count++) await worked.commit([id])
    await worked.backUp('tar')
    const refused = worked.restore('tar', '/restored', before)
    expect(await refused.then(String, (error: BrokerError) => error.message)).toContain('does not go back to')
  })

  test('names what was deleted meanwhile', async () => {
    const worked = new Worked(3)
    await worked.machine.open()
    const kept = await worked.create()
    const gone = await worked.create()
    await worked.commit([kept, gone])
    await worked.machine.clock.advance(1500)
    const until = worked.frames.at(-1)!.appendTime
    await worked.delete(gone)
    await worked.backUp('tar')
    expect(await worked.restore('tar', '/restored', until)).toMatchObject({ missing: ['topic-1-1'] })
  })

  test('forgets what producers sent behind it', async () => {
    const worked = new Worked(4)
    await worked.machine.open()
    const id = await worked.create()
    const sent = (baseSequence: number) => {
      const builder = new BatchBuilder({ producer: { id: 7, epoch: 0, baseSequence } })
      builder.append({ key: null, value: new TextEncoder().encode(`${baseSequence}`), timestamp: 1 })
      return { kind: 'batch' as const, id, batch: builder.build() }
    }
    await worked.append([sent(0)])
    await worked.append([sent(1)])
    await worked.machine.clock.advance(1500)
    const until = worked.frames.at(-1)!.appendTime
    await worked.append([sent(2)])
    await worked.backUp('tar')
    await worked.restore('tar', '/restored', until)
    const log = await worked.machine.run(openLog(worked.partsAt('/restored')))
    expect((await worked.machine.run(log.append([sent(1)]))).offsets).toEqual([asOffset(1)])
    expect(log.partition(id)!.endOffset).toBe(asOffset(2))
    expect(await codeOf(worked.machine.run(log.append([sent(3)])))).toBe('out_of_order_sequence')
    expect((await worked.machine.run(log.append([sent(2)]))).offsets).toEqual([asOffset(2)])
    expect(log.partition(id)!.endOffset).toBe(asOffset(3))
    await worked.machine.run(log.close())
  })
})
