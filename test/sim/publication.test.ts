// What makes appends visible may go wrong on the side of others; whoever appended is answered all the same.
import { expect, test } from 'bun:test'
import { asOffset } from '#base'
import type { LogEntry } from '#log'
import { BatchBuilder } from '#record'
import type { PartitionLog } from '../../src/log/partition/partition-log.ts'
import { LogMachine } from './log-machine.ts'

const id = { topicId: 'a'.repeat(32), partition: 0 }

function batch(value: string): LogEntry {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: new TextEncoder().encode(value), timestamp: 1 })
  return { kind: 'batch', id, batch: builder.build() }
}

async function opened(): Promise<LogMachine> {
  const machine = new LogMachine(5)
  const log = await machine.open()
  await machine.run(log.append([{ kind: 'create', id, topic: 'orders' }]))
  return machine
}

test('a listener that throws takes no answer from an append, nor the news from other listeners', async () => {
  const machine = await opened()
  const log = machine.log!
  const ends: number[] = []
  log.onVisible(() => {
    throw new Error('a mistake')
  })
  log.onVisible(([partition]) => ends.push(partition!.endOffset))
  for (let count = 0; count < 3; count++)
    expect((await machine.run(log.append([batch('a')]))).offsets).toEqual([asOffset(count)])
  expect(ends).toEqual([1, 2, 3])
  expect([log.state, log.pendingBytes]).toEqual(['open', 0])
  await machine.close()
  await machine.open()
  expect(machine.log!.partition(id)!.endOffset).toBe(asOffset(3))
})

test('what cannot be made visible closes the log, and leaves nobody without an answer', async () => {
  const machine = await opened()
  const log = machine.log!
  await machine.run(log.append([batch('a')]))
  await machine.run(log.append([{ kind: 'roll', id }]))
  await machine.run(log.append([batch('b')]))
  const partition = log.partition(id)! as PartitionLog
  partition.trim = () => {
    throw new Error('a mistake')
  }
  const trim = machine.run(log.append([{ kind: 'trim', id, before: asOffset(1) }]))
  await expect(trim).rejects.toMatchObject({ code: 'disk_failed' })
  expect([log.state, log.pendingBytes]).toEqual(['failed', 0])
  await expect(machine.run(log.append([batch('c')]))).rejects.toMatchObject({ code: 'disk_failed' })
})
