import { expect, test } from 'bun:test'
import { asOffset } from '#base'
import type { LogEntry, LogGroup } from '#log'
import { BatchBuilder } from '#record'
import { LogMachine } from './log-machine.ts'
import { Crash } from './simulated-disk.ts'

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

/** A log whose last frame was written and never synced, because the process died first. */
async function withUnsynced(entry: LogEntry): Promise<LogMachine> {
  const machine = new LogMachine(1)
  const log = await machine.open()
  await machine.run(log.append([{ kind: 'create', id, topic: 'orders' }]))
  for (let count = 0; count < 6; count++) await machine.run(log.append([batch()]))
  await machine.close()
  const again = await machine.open()
  machine.disk.plan = { call: machine.disk.calls + 1, fault: 'stall' }
  again.append([entry]).catch(() => undefined)
  await machine.clock.advance(1_000)
  return machine
}

async function recordsOf(log: LogGroup, machine: LogMachine): Promise<number> {
  const partition = log.partition(id)
  if (partition === undefined) return 0
  let count = 0
  for (let next = partition.startOffset; next < partition.endOffset; next = asOffset(next + 1)) {
    expect((await machine.run(partition.read(next, 1))).length).toBeGreaterThan(0)
    count++
  }
  return count
}

test.each([
  ['trim', { kind: 'trim', id, before: asOffset(5) }, 1],
  ['delete', { kind: 'delete', id }, 0],
] as const)(
  'power that goes amid a start which found a %s in the page cache alone leaves all or what it leaves',
  async (_, entry, left) => {
    for (let call = 1; ; call++) {
      const machine = await withUnsynced(entry)
      machine.kill({ call, fault: 'crash-before' })
      const fell = await machine.open().then(
        () => false,
        (thrown) => {
          if (!(thrown instanceof Crash)) throw thrown
          return true
        },
      )
      machine.powerCut(0)
      const log = await machine.open()
      expect(log.report.quarantined).toEqual([])
      expect([6, left]).toContain(await recordsOf(log, machine))
      if (!fell) return
    }
  },
)
