// Timers in order, however often they are set again, and no memory for those that were.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { silentLogger } from '../../../src/base/logger.ts'
import { asMillis } from '../../../src/base/units.ts'
import { defaultLimits } from '../../../src/streams/runtime/limits.ts'
import { TaskContext } from '../../../src/streams/runtime/task-context.ts'
import { type Timer, TimerQueue } from '../../../src/streams/runtime/timer-queue.ts'
import { MemoryStore } from '../../../src/streams/state/memory-store.ts'
import { VirtualClock } from '../../../src/streams/testing/virtual-clock.ts'

function queue() {
  const usual = { retries: 0, backoffMs: asMillis(0), otherwise: 'fail' as const }
  const context = new TaskContext('task', {
    rules: { usual, ofNode: new Map(), undoes: false, deadTopics: new Map(), app: 'app' },
    logger: silentLogger,
    limits: defaultLimits,
    clock: new VirtualClock(0),
    wake: () => undefined,
  })
  return new TimerQueue({ node: 'node', clock: 'event', context, store: new MemoryStore() })
}
const timer = (key: string, name: string, time: number): Timer => ({
  ...{ key, name, time, at: time, wait: null },
  chain: { pass: 0, length: 0 },
})

test('the next is the first by time, key and name, among those that were set last and not taken back', () => {
  const change = fc.record({
    key: fc.constantFrom('a', 'b'),
    name: fc.constantFrom('x', 'y'),
    time: fc.option(fc.integer({ min: -5, max: 5 })),
  })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const timers = queue()
      const model = new Map<string, number>()
      for (const { key, name, time } of changes) {
        if (time === null) timers.remove(key, name)
        else timers.set(timer(key, name, time))
        if (time === null) model.delete(key + name)
        else model.set(key + name, time)
        const [first] = [...model].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
        const next = timers.peek()
        expect(next && [next.key + next.name, next.time]).toEqual(first)
      }
    }),
  )
})

test('one that is put off a hundred thousand times takes no more room than a few thousand places', () => {
  const timers = queue()
  timers.set(timer('never', 'x', -1))
  for (let n = 0; n < 100_000; n++) timers.set(timer('a', 'x', n))
  expect(timers.size).toBeLessThan(1_100)
  expect(timers.peek()).toMatchObject({ key: 'never' })
  timers.remove('never', 'x')
  expect(timers.peek()).toMatchObject({ key: 'a', time: 99_999 })
})
