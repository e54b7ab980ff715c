// Files that a crash left behind although nothing refers to them any more.
import { expect, test } from 'bun:test'
import { asMillis, asOffset } from '#base'
import { BatchBuilder } from '#record'
import { LogMachine } from './log-machine.ts'

const id = { topicId: 'a'.repeat(32), partition: 0 }
const directory = '/data/topics/orders-0'

function keyed(key: string, sizeBytes = 800) {
  const builder = new BatchBuilder()
  builder.append({ key: new TextEncoder().encode(key), value: new Uint8Array(sizeBytes), timestamp: 1 })
  return { kind: 'batch' as const, id, batch: builder.build() }
}

const baseOffsets = ({ disk }: LogMachine) =>
  disk
    .list(directory)
    .filter((name) => name.endsWith('.log'))
    .map((name) => Number.parseInt(name, 10))

/** The second of four segments is empty after a round; its file is there when the process ends. */
async function interrupted(): Promise<LogMachine> {
  const machine = new LogMachine(1, { segmentSizeBytesMax: 1000 })
  const log = await machine.open()
  await machine.run(log.append([{ kind: 'create', id, topic: 'orders' }]))
  for (const key of ['a', 'k', 'k', 'z']) {
    await machine.run(log.append([keyed(key)]))
    await machine.run(log.append([{ kind: 'roll', id }]))
  }
  const { disk } = machine
  const rename = disk.rename.bind(disk)
  disk.rename = (from, to) => {
    if (to.endsWith('.deleted')) throw Object.assign(new Error(`EIO: ${to}`), { code: 'EIO' })
    rename(from, to)
  }
  await machine.run(log.compact(id, { now: asMillis(1000), deleteRetentionMs: 100 }))
  await machine.clock.advance(1000)
  machine.kill()
  return machine
}

test('a segment of which compaction left nothing goes at the next start', async () => {
  const machine = await interrupted()
  expect(baseOffsets(machine)).toEqual([0, 1, 2, 3])
  const log = await machine.open()
  expect(baseOffsets(machine)).toEqual([0, 2, 3])
  for (const offset of [0, 1, 2, 3])
    expect((await machine.run(log.partition(id)!.read(asOffset(offset), 1))).length).toBeGreaterThan(800)
  await machine.close()
})

test('a file that somebody put behind what was compacted stays, and is not read', async () => {
  const machine = await interrupted()
  const log = await machine.open()
  // Both in one segment.
  await machine.run(log.append([keyed('x', 300), keyed('y', 300)]))
  await machine.close()
  machine.kill()
  const foreign = `${directory}/00000000000000000005.log`
  expect(machine.disk.exists(foreign)).toBe(false)
  machine.disk.open(foreign, 'create').close()
  const again = await machine.open()
  expect(machine.disk.exists(foreign)).toBe(true)
  expect((await machine.run(again.partition(id)!.read(asOffset(5), 1))).length).toBeGreaterThan(300)
  await machine.close()
})
