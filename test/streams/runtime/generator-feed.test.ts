import { expect, test } from 'bun:test'
import type { Clock } from '#base'
import { GeneratorFeed, type GeneratorFeedOptions } from '../../../src/streams/runtime/generator-feed.ts'

test('a source that is late for its tick asks for no time before now', async () => {
  const delays: number[] = []
  let now = 0
  const clock: Clock = {
    now: () => now,
    // Each look at the clock costs more than a tick.
    monotonic: () => (now += 30),
    after(delayMs) {
      delays.push(delayMs)
      asked.resolve()
      return { cancel: () => undefined }
    },
  }
  const asked = Promise.withResolvers<void>()
  const read = () => {
    throw new Error('skipped')
  }
  const feed = new GeneratorFeed({
    clock,
    node: { name: 'cpu', settings: { everyMs: 20, start: null, read } },
    store: { get: () => null },
    context: { drop: () => undefined },
    onError: 'skip',
  } as unknown as GeneratorFeedOptions)
  feed.prefetch()
  await asked.promise
  expect(delays).toEqual([0])
})
