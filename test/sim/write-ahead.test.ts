// What is done while a sync is in flight: much that waits is written, and segments go to the device step by step.
import { describe, expect, test } from 'bun:test'
import type { DiskFile } from '#base'
import type { LogEntry, LogLimits } from '#log'
import { BatchBuilder } from '#record'
import { LogMachine } from './log-machine.ts'
import { settled } from './simulated-clock.ts'

const id = { topicId: 'a'.repeat(32), partition: 0 }

function batch(letter: string, sizeBytes: number): LogEntry {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: new TextEncoder().encode(letter.repeat(sizeBytes)), timestamp: 1 })
  return { kind: 'batch', id, batch: builder.build() }
}

async function opened(limits: Partial<LogLimits>): Promise<LogMachine> {
  const machine = new LogMachine(3, limits)
  const log = await machine.open()
  await machine.run(log.append([{ kind: 'create', id, topic: 'orders' }]))
  await machine.clock.advance(100)
  return machine
}

/** Resolves the offset once it is answered; -1 until then. */
function append(machine: LogMachine, letter: string, sizeBytes: number) {
  const answer = { offset: -1 }
  machine.log!.append([batch(letter, sizeBytes)]).then(({ offsets }) => {
    answer.offset = offsets[0]!
  })
  return answer
}

function isInWal({ disk }: LogMachine, letter: string): boolean {
  const files = disk.files().filter((path) => path.endsWith('.wal'))
  return files.some((path) =>
    new TextDecoder('latin1').decode(disk.contents(path)).includes(letter.repeat(50)),
  )
}

describe('while a sync is in flight', () => {
  test('what waits is written once it is much, and is answered by a sync of its own', async () => {
    const machine = await opened({ writeAheadBytes: 500 })
    const first = append(machine, 'a', 100)
    await settled()
    const little = append(machine, 'b', 100)
    await settled()
    expect([isInWal(machine, 'a'), isInWal(machine, 'b')]).toEqual([true, false])
    const much = append(machine, 'c', 600)
    await settled()
    expect([isInWal(machine, 'b'), isInWal(machine, 'c')]).toEqual([true, true])
    expect([first.offset, little.offset, much.offset]).toEqual([-1, -1, -1])
    const ends: number[] = []
    machine.log!.onVisible(([partition]) => ends.push(partition!.endOffset))
    await machine.clock.advance(20)
    expect(ends).toEqual([1, 3])
    expect([first.offset, little.offset, much.offset]).toEqual([0, 1, 2])
  })

  test('no more is written ahead than the next sync shall cover', async () => {
    const machine = await opened({ writeAheadBytes: 500 })
    append(machine, 'a', 100)
    await settled()
    append(machine, 'b', 600)
    await settled()
    const last = append(machine, 'c', 600)
    await settled()
    expect([isInWal(machine, 'b'), isInWal(machine, 'c')]).toEqual([true, false])
    await machine.clock.advance(20)
    expect(last.offset).toBe(2)
  })
})

/** Every segment opened from now on is written back this way. */
function writeBackAs({ disk }: LogMachine, writeBack: DiskFile['writeBack']): void {
  const open = disk.open.bind(disk)
  disk.open = (path, mode) => ({ ...open(path, mode), writeBack })
}

describe('segments behind the appends', () => {
  test('go to the device in whole steps, before any checkpoint', async () => {
    const limits = { writeBackStepBytes: 400, checkpointMs: 1e9, segmentSizeBytesMax: 10_000 }
    const machine = await opened({ ...limits, checkpointBytes: 1e9 })
    const sent: number[] = []
    writeBackAs(machine, async ({ position, sizeBytes }) => void sent.push(position, position + sizeBytes))
    append(machine, 'a', 900)
    await machine.clock.advance(20)
    expect(sent).toEqual([0, 400, 400, 800])
    append(machine, 'b', 10)
    await machine.clock.advance(20)
    expect(sent).toEqual([0, 400, 400, 800])
  })

  test('a part that cannot be written back ends the writer, as a failed sync does', async () => {
    const machine = await opened({ writeBackStepBytes: 400, checkpointMs: 1e9 })
    writeBackAs(machine, () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })))
    append(machine, 'a', 900)
    await machine.clock.advance(20)
    expect(machine.log!.failure).toMatchObject({ code: 'disk_failed' })
  })
})
