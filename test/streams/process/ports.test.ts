import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { asOffset, BrokerError } from '#base'
import { BatchBuilder } from '#record'
import type { LogPort } from '../../../src/streams/api.ts'
import { brokerPort } from '../../../src/streams/process/broker-port.ts'
import { IpcPort } from '../../../src/streams/process/ipc-port.ts'
import { type FromChild, isFromChild, packed, type ToChild } from '../../../src/streams/process/message.ts'
import { callsInFlightMax, portServer } from '../../../src/streams/process/port-server.ts'
import { bytes, failure, memoryBroker } from '../../broker/fixture.ts'

/** A port at the end of a channel that clones as the real one does. */
function connected(port: LogPort) {
  const sent: FromChild[] = []
  const ipc = new IpcPort((message) => {
    sent.push(message)
    if (message.t === 'call') void serve(structuredClone(message))
  })
  const serve = portServer(port, (message: ToChild) => ipc.receive(structuredClone(message) as never))
  return { ipc, sent }
}

function batchOf(value: string): Uint8Array {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: bytes(value), timestamp: 5 })
  return builder.build()
}

test('a commit through the channel is the commit of the broker, batches and offsets', async () => {
  const { broker } = await memoryBroker()
  const { ipc } = connected(brokerPort(broker))
  await ipc.ensureTopics([{ name: 'out' }])
  const epoch = await ipc.fence('shop', 'task-0')
  expect(await ipc.committed('shop', 'in', 0)).toBeNull()
  await ipc.ensureTopics([{ name: 'in' }])
  const { positions } = await ipc.commit({
    group: 'shop',
    owner: 'task-0',
    epoch,
    batches: [{ topic: 'out', partition: 0, batch: batchOf('a') }],
    offsets: [{ topic: 'in', partition: 0, offset: asOffset(0) }],
  })
  expect(positions).toEqual([asOffset(0)])
  expect(await ipc.committed('shop', 'in', 0)).toBe(asOffset(0))
  expect(broker.topic('out').partitions[0]!.endOffset).toBe(asOffset(1))
})

test('an existing topic keeps its settings', async () => {
  const { broker } = await memoryBroker()
  await broker.createTopic({ name: 'orders', partitions: 3 })
  const [topic] = await brokerPort(broker).ensureTopics([{ name: 'orders', partitions: 8 }])
  expect(topic!.partitions.length).toBe(3)
})

test('changelogs, repartitions and histories are internal; an app cannot make other topics of pspf', async () => {
  const { broker } = await memoryBroker()
  const names = ['shop.totals.changelog', 'shop.by-region.repartition', '_pspf.widgets.shop.total', 'shop']
  await brokerPort(broker).ensureTopics(names.map((name) => ({ name })))
  expect(names.map((name) => broker.topic(name).internal)).toEqual([true, true, true, false])
  const refused = await failure(brokerPort(broker).ensureTopics([{ name: '_pspf.apps' }]))
  expect(refused.code).toBe('forbidden')
})

test('an error of the broker arrives as the same error, code and fix included', async () => {
  const { broker } = await memoryBroker()
  const { ipc } = connected(brokerPort(broker))
  const request = { topic: 'odrers', partition: 0, from: asOffset(0), bytesMax: 1, waitMs: 0 }
  const here = await failure(broker.fetchSlice(request))
  const there = await failure(ipc.fetchSlice(request))
  expect(there).toBeInstanceOf(BrokerError)
  expect({ ...there, message: there.message }).toEqual({ ...here, message: here.message })
})

test('a fetch that waits ends when the app is gone', async () => {
  const { broker } = await memoryBroker()
  await broker.createTopic({ name: 'orders' })
  const gone = new AbortController()
  const port = brokerPort(broker, gone.signal)
  const waiting = port.fetchSlice({
    topic: 'orders',
    partition: 0,
    from: asOffset(0),
    bytesMax: 1,
    waitMs: 1e9,
  })
  gone.abort()
  expect((await waiting).slice).toBeNull()
})

test('at most inFlightMax calls are sent; the rest wait in order, and beyond waitingMax are refused as busy', async () => {
  const sent: number[] = []
  const port = new IpcPort((message) => message.t === 'call' && sent.push(message.id), {
    inFlightMax: 2,
    waitingMax: 2,
  })
  const calls = Array.from({ length: 5 }, () => port.fence('g', 'o'))
  expect(sent).toEqual([1, 2])
  expect((await failure(calls[4]!)).code).toBe('busy')
  port.receive({ t: 'answer', id: 2, value: 20 })
  expect(sent).toEqual([1, 2, 3])
  for (const id of [1, 3, 4]) port.receive({ t: 'answer', id, value: id * 10 })
  expect(await Promise.all(calls.slice(0, 4))).toEqual([10, 20, 30, 40])
})

test('a child that calls without end is refused as busy, and answered again later', async () => {
  const release = Promise.withResolvers<number>()
  const answers: ToChild[] = []
  const serve = portServer({ fence: () => release.promise } as unknown as LogPort, (message) =>
    answers.push(message),
  )
  const call = (id: number) => serve({ t: 'call', id, method: 'fence', args: [] })
  const all = Array.from({ length: callsInFlightMax + 1 }, (_, id) => call(id))
  await all.at(-1)
  expect(answers).toMatchObject([{ t: 'refusal', id: callsInFlightMax, error: { code: 'busy' } }])
  release.resolve(1)
  await Promise.all(all)
  await call(9_999)
  expect(answers.at(-1)).toEqual({ t: 'answer', id: 9_999, value: 1 })
})

test('whatever a child sends, the server answers and never throws', async () => {
  await fc.assert(
    fc.asyncProperty(fc.anything(), fc.anything(), async (method, args) => {
      const answers: ToChild[] = []
      const serve = portServer({} as LogPort, (message) => answers.push(message))
      await serve({ t: 'call', id: 1, method, args } as never)
      expect(answers).toMatchObject([{ t: 'refusal', id: 1 }])
    }),
  )
  fc.assert(fc.property(fc.anything(), (message) => typeof isFromChild(message) === 'boolean'))
})

test('a small view of a large buffer travels alone', () => {
  const buffer = new Uint8Array(1_000_000)
  expect(packed(buffer.subarray(10, 20)).byteLength).toBe(10)
  expect(packed(buffer)).toBe(buffer.buffer)
})
