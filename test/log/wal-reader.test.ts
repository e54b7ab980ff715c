import { describe, expect, test } from 'bun:test'
import { seededRandom } from '#base'
import { walPath } from '../../src/log/disk/data-directory.ts'
import { frameChecksum, frameField } from '../../src/log/wal/frame.ts'
import { FrameWriter } from '../../src/log/wal/frame-writer.ts'
import { beginning, readWal } from '../../src/log/wal/wal-reader.ts'
import { SimulatedClock } from '../sim/simulated-clock.ts'
import { SimulatedDisk } from '../sim/simulated-disk.ts'

const salt = 77
const directory = '/data'

type Link = { sequence: number; previousChecksum: number; durableUpTo?: number }

/** An empty frame as it lies at `position` of the file `generation`. */
function frameOf(
  { sequence, previousChecksum, durableUpTo }: Link,
  generation: number,
  position: number,
): Uint8Array {
  const writer = new FrameWriter()
  writer.begin(64)
  const facts = { salt, generation, position, previousChecksum, sequence, appendTime: 5, epoch: 0 }
  return writer.finish({ ...facts, durableUpTo: durableUpTo ?? sequence - 1 }).slice()
}

const checksumOf = (frame: Uint8Array) => new DataView(frame.buffer).getUint32(frameField.checksum, true)

function diskWith(files: Record<number, Uint8Array[]>): SimulatedDisk {
  const disk = new SimulatedDisk({ clock: new SimulatedClock(0), random: seededRandom(1) })
  disk.makeDirectory(`${directory}/wal`)
  for (const [generation, frames] of Object.entries(files)) {
    const file = disk.open(walPath(directory, Number(generation)), 'create')
    let at = 0
    for (const frame of frames) {
      file.write(frame, at)
      at += frame.length
    }
    file.write(new Uint8Array(500), at)
    file.close()
  }
  return disk
}

function sequencesIn(disk: SimulatedDisk) {
  const sequences: number[] = []
  const end = readWal({ disk, directory, salt }, beginning, ({ header }) => sequences.push(header.sequence))
  return { sequences, end }
}

const first = frameOf({ sequence: 1, previousChecksum: 0 }, 1, 0)
const second = frameOf({ sequence: 2, previousChecksum: checksumOf(first) }, 1, 64)
const third = frameOf({ sequence: 3, previousChecksum: checksumOf(second) }, 1, 128)

describe('the chain of frames', () => {
  test('is followed to its end, in one file and into the next', () => {
    expect(sequencesIn(diskWith({ 1: [first, second, third] })).sequences).toEqual([1, 2, 3])
    const next = frameOf({ sequence: 3, previousChecksum: checksumOf(second) }, 2, 0)
    const { sequences, end } = sequencesIn(diskWith({ 1: [first, second], 2: [next] }))
    expect(sequences).toEqual([1, 2, 3])
    expect(end).toMatchObject({
      damage: null,
      cutBytes: 0,
      next: { generation: 2, position: 64, sequence: 4 },
    })
  })

  test('a frame of the right number that follows another frame does not belong to it', () => {
    const foreign = frameOf({ sequence: 2, previousChecksum: checksumOf(first) + 1 }, 1, 64)
    expect(sequencesIn(diskWith({ 1: [first, foreign] })).sequences).toEqual([1])
  })

  test('a frame of another number does not belong to it', () => {
    const later = frameOf({ sequence: 3, previousChecksum: checksumOf(first), durableUpTo: 1 }, 1, 64)
    const { sequences, end } = sequencesIn(diskWith({ 1: [first, later] }))
    expect(sequences).toEqual([1])
    expect(end.damage).toBeNull()
  })

  test('what a recycled file held before is not read', () => {
    const stale = frameOf({ sequence: 2, previousChecksum: checksumOf(first) }, 1, 0)
    const { sequences, end } = sequencesIn(diskWith({ 1: [first], 2: [stale] }))
    expect(sequences).toEqual([1])
    expect(end.damage).toBeNull()
  })

  test('a missing frame that a later one calls durable is damage, whatever lies between', () => {
    for (const hole of [new Uint8Array(64), new Uint8Array(64).fill(255), second.toReversed()]) {
      const { sequences, end } = sequencesIn(diskWith({ 1: [first, hole, third] }))
      expect(sequences).toEqual([1])
      expect(end.damage).toMatchObject({ path: walPath(directory, 1), position: 64 })
    }
  })

  test('a frame whose entries do not fill it is damage, not an end', () => {
    const lying = first.slice()
    const view = new DataView(lying.buffer)
    view.setUint32(frameField.entryCount, 1, true)
    view.setUint32(frameField.checksum, frameChecksum(lying, salt), true)
    expect(sequencesIn(diskWith({ 1: [lying] })).end.damage).toMatchObject({ position: 0 })
  })
})
