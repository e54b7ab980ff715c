// What a start costs follows from what lies behind the last checkpoint, never from what lies before it.
import { expect, test } from 'bun:test'
import { BatchBuilder } from '#record'
import { LogMachine } from './log-machine.ts'

const id = { topicId: '7'.repeat(32), partition: 0 }
// Every batch begins a segment; checkpoints come when told to.
const limits = { segmentSizeBytesMax: 1, checkpointBytes: 1e9, checkpointMs: 1e9, walFilesMax: 1e6 }

function batch() {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: new TextEncoder().encode('x'.repeat(200)), timestamp: 1 })
  return { kind: 'batch' as const, id, batch: builder.build() }
}

async function appendAll(machine: LogMachine, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await machine.run(machine.log!.append([batch()]))
}

/** Calls of the disk that a start takes, with so many segments below the checkpoint and so many batches behind it. */
async function callsOfStart(segments: number, tail: number): Promise<number> {
  const machine = new LogMachine(1, limits)
  const log = await machine.open()
  await machine.run(log.append([{ kind: 'create', id, topic: 'tiny' }]))
  await appendAll(machine, segments)
  // Another session, so that nothing is left to do for segments that were sealed since the last checkpoint.
  for (let session = 0; session < 2; session++) {
    await machine.close()
    machine.kill()
    await machine.open()
    if (session === 0) await appendAll(machine, 1)
  }
  await appendAll(machine, tail)
  machine.kill()
  const before = machine.disk.calls
  const again = await machine.open()
  const calls = machine.disk.calls - before
  expect(again.partition(id)!.endOffset as number).toBe(segments + 1 + tail)
  expect(again.report.framesReplayed).toBeGreaterThanOrEqual(tail)
  return calls
}

test('a start takes as many calls with ten times the segments, and more with a longer tail', async () => {
  const few = await callsOfStart(30, 5)
  expect(await callsOfStart(300, 5)).toBe(few)
  expect(await callsOfStart(30, 50)).toBeGreaterThan(few + 50)
})
