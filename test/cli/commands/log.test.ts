// The log of a stopped node on a real disk: written here, spoilt here, checked, shown and repaired by the commands.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asOffset, lockDirectory, Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { type OpenLog, openLog } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { FakeNode } from '../fake-node.ts'
import { runLine } from '../running.ts'

const node = new FakeNode()
const ids = [0, 1].map((partition) => ({ topicId: 'a'.repeat(32), partition }))
let folder: string
let directory: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pspf-log-'))
  directory = join(folder, 'data')
  await withLog(async (log) => {
    for (const id of ids) await log.append([{ kind: 'create', id, topic: 'orders' }])
    for (let round = 0; round < 120; round++) {
      await log.append(ids.map((id) => ({ kind: 'batch', id, batch: batchOf(`${id.partition}/${round}`) })))
    }
  })
})
afterEach(() => rmSync(folder, { recursive: true }))

async function withLog<T>(use: (log: OpenLog) => Promise<T>): Promise<T> {
  const disk = realDisk()
  const parts = {
    disk,
    clock: realClock(),
    random: realRandom(),
    logger: silentLogger,
    metrics: new Metrics(),
  }
  const log = await openLog({ ...parts, directory, segmentSizeBytesMax: 40_000 })
  try {
    return await use(log)
  } finally {
    await log.close()
    disk.close()
  }
}

/** One record of about a thousand bytes. */
function batchOf(key: string): Uint8Array {
  const builder = new BatchBuilder()
  const value = new TextEncoder().encode(JSON.stringify({ key, filler: 'x'.repeat(1000) }))
  builder.append({ key: new TextEncoder().encode(key), value, timestamp: 1_700_000_000_000 })
  return builder.build()
}

const segment = (partition: number, index: number): string => {
  const place = join(directory, 'topics', `orders-${partition}`)
  return join(
    place,
    readdirSync(place)
      .filter((name) => name.endsWith('.log'))
      .sort()[index]!,
  )
}

function flip(path: string, byte: number): void {
  const bytes = readFileSync(path)
  bytes[byte]! ^= 4
  writeFileSync(path, bytes)
}

const run = (line: string) => runLine(node, `${line} --data-dir ${directory}`)
const json = async (line: string) => {
  const { code, out } = await run(`${line} -o json`)
  return { code, answer: JSON.parse(out) }
}

/** Keys by offset, as a reader gets them. */
async function keysOf(partition: number): Promise<Map<number, string>> {
  return await withLog(async (log) => {
    const keys = new Map<number, string>()
    const place = log.partition(ids[partition]!)!
    for (let next: number = place.startOffset; next < place.endOffset; ) {
      const bytes = await place.read(asOffset(next), 100_000)
      for (const { offset, key } of readRecords(bytes, next)) keys.set(offset, new TextDecoder().decode(key!))
      const before = next
      for (let at = 0; at < bytes.length; ) {
        const view = new DataView(bytes.buffer, bytes.byteOffset + at)
        next = Number(view.getBigInt64(0)) + view.getInt32(23) + 1
        at += view.getInt32(8) + 12
      }
      expect(next).toBeGreaterThan(before)
    }
    return keys
  })
}

describe('log verify', () => {
  test('finds nothing in a log that is whole', async () => {
    const { code, out, err } = await run('ctl log verify -o jsonl')
    expect([code, out]).toEqual([0, ''])
    expect(err).toContain('no damage in 2 partitions, 8 segments')
  })

  test('names file and byte of what is damaged, and ends with 10', async () => {
    flip(segment(1, 1), 33_000)
    truncateSync(segment(0, 3), 50)
    const { code, answer } = await json('ctl log verify')
    expect(code).toBe(10)
    expect(answer).toMatchObject([
      { kind: 'segment', partition: 'orders-0', path: segment(0, 3), why: 'the file is shorter than it was' },
      { kind: 'segment', partition: 'orders-1', path: segment(1, 1), position: 32_768, harmless: false },
    ])
  })

  test('changes nothing', async () => {
    flip(segment(1, 1), 33_000)
    const before = statSync(segment(1, 1)).mtimeMs
    const names = readdirSync(directory, { recursive: true }).sort()
    await run('ctl log verify')
    expect(statSync(segment(1, 1)).mtimeMs).toBe(before)
    const left = readdirSync(directory, { recursive: true }).sort()
    expect(left.filter((name) => !String(name).startsWith('lock.db'))).toEqual(names)
  })

  test('tells a damaged index apart, which is made anew', async () => {
    flip(segment(0, 0).replace('.log', '.timeindex'), 5)
    const { code, answer } = await json('ctl log verify')
    expect([code, answer.length, answer[0].kind, answer[0].harmless]).toEqual([0, 1, 'index', true])
  })

  test.each([
    ['checkpoint', 10],
    ['format.json', 3],
  ])('a damaged %s is found', async (name, byte) => {
    flip(join(directory, name), byte)
    const { code, answer } = await json('ctl log verify')
    expect([code, answer.length, answer[0].path]).toEqual([10, 1, join(directory, name)])
  })

  test('is refused while a node runs, and where no log is', async () => {
    const lock = lockDirectory(directory, 1)
    const { code, err } = await run('ctl log verify')
    lock.release()
    expect(code).toBe(4)
    expect(err).toContain('is in use by process')
    const elsewhere = await runLine(node, `ctl log verify --data-dir ${folder}`)
    expect([elsewhere.code, readdirSync(folder)]).toEqual([3, ['data']])
  })
})

describe('log dump', () => {
  test('shows every record with its place', async () => {
    const { code, out } = await run('ctl log dump orders-1 --from 50 -o jsonl')
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(code).toBe(0)
    expect(rows.map(({ offset }) => offset)).toEqual(Array.from({ length: 70 }, (_, index) => 50 + index))
    expect(rows[0]).toMatchObject({
      key: '1/50',
      path: segment(1, 1),
      timestamp: 1_700_000_000_000,
      damage: null,
    })
    expect(JSON.parse(rows[0].value).key).toBe('1/50')
  })

  test('shows batches, and goes on behind damage', async () => {
    flip(segment(0, 1), 5000)
    const { code, out } = await run('ctl log dump orders-0 --batches -o jsonl')
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(code).toBe(10)
    const damages = rows.filter(({ damage }) => damage !== null)
    expect(damages).toMatchObject([{ path: segment(0, 1), damage: 'its checksum does not match' }])
    expect(rows.filter(({ damage }) => damage === null)).toHaveLength(119)
  })

  test('knows no other partition', async () => {
    expect((await run('ctl log dump orders-9')).code).toBe(3)
  })
})

describe('log repair', () => {
  test('says what it would do and does nothing without --yes', async () => {
    flip(segment(0, 1), 5000)
    const before = readFileSync(segment(0, 1))
    const { code, answer } = await json('ctl log repair --skip-damaged')
    expect(code).toBe(10)
    expect(answer).toMatchObject([{ partition: 'orders-0', endOffset: 120, files: [segment(0, 1)] }])
    expect(readFileSync(segment(0, 1))).toEqual(before)
    expect(readdirSync(directory)).not.toContain('quarantine')
  })

  test('--skip-damaged keeps what is whole, and no offset is given twice', async () => {
    flip(segment(0, 1), 5000)
    const before = readFileSync(segment(0, 1))
    const { code, answer } = await json('ctl log repair --skip-damaged --yes')
    expect(code).toBe(0)
    const [lost] = answer[0].lost
    expect(lost.until - lost.from).toBe(1)
    expect(
      readFileSync(join(directory, 'quarantine', readdirSync(join(directory, 'quarantine'))[0]!)),
    ).toEqual(before)
    expect((await run('ctl log verify')).code).toBe(0)
    const keys = await keysOf(0)
    expect(keys.size).toBe(119)
    expect(keys.has(lost.from)).toBe(false)
    for (const [offset, key] of keys) expect(key).toBe(`0/${offset}`)
    const [offset] = await withLog(async (log) => {
      return (await log.append([{ kind: 'batch', id: ids[0]!, batch: batchOf('0/120') }])).offsets
    })
    expect(Number(offset)).toBe(120)
    expect((await keysOf(1)).size).toBe(120)
  })

  test('a missing segment and a shortened one become empty offsets', async () => {
    rmSync(segment(0, 1))
    truncateSync(segment(1, 3), 3000)
    const { code, answer } = await json('ctl log repair --skip-damaged --yes')
    expect(code).toBe(0)
    expect(
      answer.map(({ partition, lost }: { partition: string; lost: unknown[] }) => [partition, lost.length]),
    ).toEqual([
      ['orders-0', 1],
      ['orders-1', 1],
    ])
    expect((await run('ctl log verify')).code).toBe(0)
    for (const partition of [0, 1]) {
      const keys = await keysOf(partition)
      expect(keys.size).toBeLessThan(119)
      for (const [offset, key] of keys) expect(key).toBe(`${partition}/${offset}`)
    }
    // Both take records again, behind what was there.
    await withLog(async (log) => {
      expect(log.report.quarantined).toEqual([])
      for (const id of ids) {
        const { offsets } = await log.append([{ kind: 'batch', id, batch: batchOf('more') }])
        expect(Number(offsets[0])).toBe(120)
      }
    })
  })

  test('--truncate-at drops one partition from there on', async () => {
    const { code, answer } = await json('ctl log repair orders-1 --truncate-at 45 --yes')
    expect([code, answer[0].endOffset]).toEqual([0, 45])
    expect((await run('ctl log verify')).code).toBe(0)
    expect([...(await keysOf(1)).keys()]).toEqual(Array.from({ length: 45 }, (_, index) => index))
    expect((await keysOf(0)).size).toBe(120)
    expect(readdirSync(join(directory, 'quarantine'))).toHaveLength(3)
  })

  test('needs one way, and one partition to cut', async () => {
    expect((await run('ctl log repair')).code).toBe(2)
    expect((await run('ctl log repair --skip-damaged --truncate-at 4')).code).toBe(2)
    expect((await run('ctl log repair --truncate-at 4')).code).toBe(2)
    expect((await run('ctl log repair orders-1 --truncate-at 999')).code).toBe(7)
    expect((await run('ctl log repair orders-7 --skip-damaged')).code).toBe(3)
  })

  test('a log that is whole stays as it is', async () => {
    const { code, out, err } = await run('ctl log repair --skip-damaged --yes')
    expect([code, err]).toEqual([0, 'nothing to repair\n'])
    expect(out).not.toContain('orders')
  })
})

test('as a process the command says the same, with the same exit code', async () => {
  flip(segment(1, 1), 33_000)
  const main = join(import.meta.dir, '..', '..', '..', 'src', 'main.ts')
  const words = ['ctl', 'log', 'verify', '--data-dir', directory, '-o', 'name']
  const child = Bun.spawn([process.execPath, main, ...words], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  expect([await child.exited, out]).toEqual([10, `${segment(1, 1)}\n`])
  expect(err).toContain('1 place damaged in 2 partitions')
})
