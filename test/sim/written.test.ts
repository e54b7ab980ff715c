// Appends that are answered when they are written: what they promise, and when others may see them.
import { describe, expect, test } from 'bun:test'
import { asOffset } from '#base'
import type { AppendOptions, LogEntry, LogLimits } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { LogMachine } from './log-machine.ts'
import { settled } from './simulated-clock.ts'

const id = { topicId: 'a'.repeat(32), partition: 0 }
const written: AppendOptions = { acknowledge: 'written' }

function batch(value: string): LogEntry {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: new TextEncoder().encode(value), timestamp: 1 })
  return { kind: 'batch', id, batch: builder.build() }
}

async function opened(limits: Partial<LogLimits> = {}): Promise<LogMachine> {
  const machine = new LogMachine(3, limits)
  const log = await machine.open()
  await machine.run(log.append([{ kind: 'create', id, topic: 'orders' }]))
  await machine.clock.advance(100)
  return machine
}

const endOf = ({ log }: LogMachine): number => log!.partition(id)!.endOffset

/** Notes the answer, without letting time pass. */
function append(machine: LogMachine, value: string, options: AppendOptions = {}) {
  const answer = { offset: -1, code: '' }
  machine.log!.append([batch(value)], options).then(
    ({ offsets }) => {
      answer.offset = offsets[0]!
    },
    (error) => {
      answer.code = error.code
    },
  )
  return answer
}

async function values(machine: LogMachine): Promise<string[]> {
  const partition = machine.log!.partition(id)!
  const found: string[] = []
  for (let next: number = partition.startOffset; next < partition.endOffset; ) {
    for (const record of readRecords(await machine.run(partition.read(asOffset(next), 1)), next)) {
      found.push(new TextDecoder().decode(record.value!))
      next = record.offset + 1
    }
  }
  return found
}

describe('appends answered when written', () => {
  test('the answer comes before the sync, the record is visible only after it', async () => {
    const machine = await opened()
    const answer = append(machine, 'a', written)
    await settled()
    expect(answer.offset).toBe(0)
    expect(endOf(machine)).toBe(0)
    expect(machine.log!.pendingBytes).toBeGreaterThan(0)
    await machine.clock.advance(10)
    expect(endOf(machine)).toBe(1)
    expect(machine.log!.pendingBytes).toBe(0)
  })

  test('they do not wait for a sync in flight, and later ones are not seen with it', async () => {
    const machine = await opened()
    const synced = append(machine, 'a')
    await settled()
    const hasty = append(machine, 'b', written)
    await settled()
    expect([synced.offset, hasty.offset]).toEqual([-1, 1])
    const ends: number[] = []
    machine.log!.onVisible(([partition]) => ends.push(partition!.endOffset))
    await machine.clock.advance(10)
    expect(ends).toEqual([1, 2])
    expect(synced.offset).toBe(0)
  })

  test('an interval lets the sync wait, and a synced append ends the wait', async () => {
    const machine = await opened()
    append(machine, 'a', { ...written, syncWithinMs: 1000 })
    await machine.clock.advance(900)
    expect(endOf(machine)).toBe(0)
    await machine.clock.advance(200)
    expect(endOf(machine)).toBe(1)
    append(machine, 'b', { ...written, syncWithinMs: 1000 })
    await machine.clock.advance(5)
    const synced = append(machine, 'c')
    await machine.clock.advance(20)
    expect([synced.offset, endOf(machine)]).toEqual([2, 3])
  })

  test('the shorter of two intervals counts', async () => {
    const machine = await opened()
    append(machine, 'a', { ...written, syncWithinMs: 10_000 })
    await settled()
    append(machine, 'b', { ...written, syncWithinMs: 100 })
    await machine.clock.advance(150)
    expect(endOf(machine)).toBe(2)
  })

  test('a killed process keeps them, a power cut takes them', async () => {
    for (const kept of [true, false]) {
      const machine = await opened()
      for (const value of ['a', 'b', 'c']) {
        append(machine, value, { ...written, syncWithinMs: 1000 })
        await settled()
      }
      if (kept) machine.kill()
      else machine.powerCut(0)
      await machine.open()
      expect(await values(machine)).toEqual(kept ? ['a', 'b', 'c'] : [])
      expect((await machine.run(machine.log!.append([batch('d')]))).offsets[0]).toBe(asOffset(kept ? 3 : 0))
    }
  })

  test('a chain that a power cut tore in the middle is cut there, and is not damage', async () => {
    const machine = await opened()
    for (const value of ['first', 'second', 'third']) {
      append(machine, value, { ...written, syncWithinMs: 1000 })
      await settled()
    }
    machine.powerCut(1)
    const path = '/data/wal/0000000001.wal'
    const bytes = new Uint8Array(machine.disk.fileSize(path))
    machine.disk.open(path, 'read').read(bytes, 0)
    machine.disk.flip(path, Buffer.from(bytes).indexOf('second'), 0)
    const log = await machine.open()
    expect([log.state, log.report.quarantined.length]).toEqual(['open', 0])
    expect(await values(machine)).toEqual(['first'])
  })

  test('an orderly stop syncs them first', async () => {
    const machine = await opened()
    append(machine, 'a', { ...written, syncWithinMs: 60_000 })
    await settled()
    await machine.close()
    machine.powerCut(0)
    await machine.open()
    expect(await values(machine)).toEqual(['a'])
  })

  test('what is shown after a restart is durable, though there was no room for a checkpoint', async () => {
    const machine = await opened()
    append(machine, 'a', { ...written, syncWithinMs: 1000 })
    await settled()
    machine.kill()
    await openWithoutCheckpoint(machine)
    expect(await values(machine)).toEqual(['a'])
    machine.powerCut(0)
    await machine.open()
    expect(await values(machine)).toEqual(['a'])
  })

  test('with many frames waiting a sync begins, whatever the interval', async () => {
    const machine = await opened({ unsyncedFramesMax: 3 })
    for (let count = 0; count < 3; count++) {
      append(machine, String(count), { ...written, syncWithinMs: 60_000 })
      await settled()
    }
    const late = append(machine, 'late', { ...written, syncWithinMs: 60_000 })
    await machine.clock.advance(10)
    expect([late.offset, endOf(machine)]).toEqual([3, 3])
  })

  test('they count against what may be pending', async () => {
    const machine = await opened({ pendingBytesMax: 300 })
    const answers = []
    for (let count = 0; count < 5; count++) {
      answers.push(append(machine, String(count), { ...written, syncWithinMs: 60_000 }))
      await settled()
    }
    expect(answers.map(({ offset, code }) => code || offset)).toEqual([0, 1, 'busy', 'busy', 'busy'] as never)
  })

  test('a failed sync says how many acknowledged appends may be lost', async () => {
    const machine = await opened()
    append(machine, 'a', { ...written, syncWithinMs: 50 })
    await settled()
    append(machine, 'b', { ...written, syncWithinMs: 50 })
    await settled()
    machine.disk.plan = { call: machine.disk.calls + 1, fault: 'EIO', lasting: true }
    await machine.clock.advance(100)
    expect(machine.log!.failure).toMatchObject({ code: 'disk_failed', details: { acknowledgedUnsynced: 2 } })
    expect((machine.log!.failure as { fix?: string }).fix).toContain('2 appends')
    expect(append(machine, 'c', written).offset).toBe(-1)
    expect(endOf(machine)).toBe(0)
  })

  test('controls wait for what is not synced, and it for them', async () => {
    const machine = await opened()
    append(machine, 'a', { ...written, syncWithinMs: 60_000 })
    await settled()
    const trim = machine.log!.append([{ kind: 'trim', id, before: asOffset(1) }], written)
    const after = append(machine, 'b', written)
    await machine.run(trim)
    expect(machine.log!.partition(id)!.startOffset).toBe(asOffset(1))
    await machine.clock.advance(10)
    expect([after.offset, endOf(machine)]).toEqual([1, 2])
  })

  test('the interval holds while a segment of another partition waits for room', async () => {
    for (const inFlight of [false, true]) {
      const machine = await opened()
      const { disk, log } = machine
      const full = { topicId: 'b'.repeat(32), partition: 1 }
      await machine.run(log!.append([{ kind: 'create', id: full, topic: 'orders' }]))
      let hasRoom = false
      const { open } = disk
      disk.open = (path, mode) => {
        if (!hasRoom && path.includes('orders-1/') && mode === 'create')
          throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
        return open.call(disk, path, mode)
      }
      if (inFlight) append(machine, 'synced')
      if (inFlight) await settled()
      const kept = append(machine, 'kept', { ...written, syncWithinMs: 100 })
      await settled()
      log!
        .append([{ ...batch('stuck'), id: full } as LogEntry], { ...written, syncWithinMs: 100 })
        .catch(fail)
      await machine.clock.advance(200)
      expect(kept.offset).toBe(inFlight ? 1 : 0)
      machine.powerCut(0)
      hasRoom = true
      await machine.open()
      expect(await values(machine)).toEqual(inFlight ? ['synced', 'kept'] : ['kept'])
    }
  })

  test('once there is room what waited for it is visible, and the log goes on', async () => {
    const machine = await opened()
    const { disk } = machine
    let hasRoom = false
    const { open } = disk
    disk.open = (path, mode) => {
      if (!hasRoom && path.includes('orders-0/') && mode === 'create')
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
      return open.call(disk, path, mode)
    }
    const lazy = append(machine, 'a', { ...written, syncWithinMs: 100 })
    await machine.clock.advance(1000)
    expect([lazy.offset, endOf(machine)]).toEqual([0, 0])
    hasRoom = true
    await machine.clock.advance(1000)
    expect(endOf(machine)).toBe(1)
    expect(machine.log!.pendingBytes).toBe(0)
    expect((await machine.run(machine.log!.append([batch('b')]))).offsets).toEqual([asOffset(1)])
  })

  test('the interval holds while the remains of a refused frame cannot be written over', async () => {
    const machine = await opened()
    const { disk } = machine
    const kept = append(machine, 'kept', { ...written, syncWithinMs: 100 })
    await settled()
    expect(kept.offset).toBe(0)
    disk.plan = { call: disk.calls + 1, fault: 'ENOSPC', lasting: true }
    append(machine, 'refused'.repeat(300), { ...written, syncWithinMs: 100 })
    await machine.clock.advance(200)
    machine.powerCut(0)
    await machine.open()
    expect((await values(machine))[0]).toBe('kept')
  })

  test('a retry of a written batch is answered as its own level asks', async () => {
    const machine = await opened()
    const builder = new BatchBuilder({ producer: { id: 1, epoch: 0, baseSequence: 0 } })
    builder.append({ key: null, value: new Uint8Array(1), timestamp: 1 })
    const entry: LogEntry = { kind: 'batch', id, batch: builder.build() }
    const answered: string[] = []
    const send = (name: string, options: AppendOptions) =>
      machine.log!.append([entry], options).then(({ offsets }) => answered.push(`${name} ${offsets[0]}`))
    send('written', { ...written, syncWithinMs: 60_000 })
    await settled()
    send('again', { ...written, syncWithinMs: 60_000 })
    await settled()
    send('synced', {})
    await settled()
    expect(answered).toEqual(['written 0', 'again 0'])
    await machine.clock.advance(20)
    expect(answered).toEqual(['written 0', 'again 0', 'synced 0'])
    expect(endOf(machine)).toBe(1)
  })
})

function fail(error: Error): void {
  throw error
}

/** There is room for segments, and none for a checkpoint. */
async function openWithoutCheckpoint(machine: LogMachine): Promise<void> {
  const { disk } = machine
  const { open } = disk
  disk.open = (path, mode) => {
    if (path.endsWith('checkpoint.tmp')) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
    return open.call(disk, path, mode)
  }
  await machine.open()
}
