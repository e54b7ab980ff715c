import { expect, test } from 'bun:test'
import { asOffset } from '#base'
import type { LogEntry } from '#log'
import { BatchBuilder } from '#record'
import { LogMachine } from './log-machine.ts'

const id = { topicId: 'a'.repeat(32), partition: 0 }

function batch(): LogEntry {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: new Uint8Array(600), timestamp: 1 })
  return { kind: 'batch', id, batch: builder.build() }
}

test('segments that a trim took away after the last checkpoint are not missed', async () => {
  const machine = new LogMachine(1)
  const log = await machine.open()
  await machine.run(log.append([{ kind: 'create', id, topic: 'orders' }]))
  for (let count = 0; count < 6; count++) await machine.run(log.append([batch()]))
  await machine.close()
  const trimmed = await machine.open()
  await machine.run(trimmed.append([{ kind: 'trim', id, before: asOffset(5) }]))
  machine.kill()
  const again = await machine.open()
  expect(again.report).toMatchObject({ framesReplayed: 1, quarantined: [] })
  expect((await machine.run(again.append([batch()]))).offsets).toEqual([asOffset(6)])
})
