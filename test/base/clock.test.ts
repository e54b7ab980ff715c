import { describe, expect, test } from 'bun:test'
import { type Clock, realClock, sleep } from '../../src/base/clock.ts'

function manualClock(): Clock & { fire(): void; pending(): number } {
  const actions = new Set<() => void>()
  return {
    now: () => 0,
    monotonic: () => 0,
    after(_delayMs, action) {
      actions.add(action)
      return { cancel: () => actions.delete(action) }
    },
    fire: () => {
      for (const action of [...actions]) action()
    },
    pending: () => actions.size,
  }
}

describe('clock', () => {
  test('sleep ends when its time has come', async () => {
    const clock = manualClock()
    const sleeping = sleep(clock, 10)
    clock.fire()
    await sleeping
    expect(clock.pending()).toBe(0)
  })

  test('sleep ends early, and leaves no timer, when aborted', async () => {
    const clock = manualClock()
    const abort = new AbortController()
    const sleeping = sleep(clock, 10, abort.signal)
    abort.abort()
    await sleeping
    expect(clock.pending()).toBe(0)
    await sleep(clock, 10, abort.signal)
    expect(clock.pending()).toBe(0)
  })

  test('the real monotonic clock does not go back and its timers can be cancelled', async () => {
    const clock = realClock()
    const before = clock.monotonic()
    let fired = false
    clock
      .after(1, () => {
        fired = true
      })
      .cancel()
    await sleep(clock, 5)
    expect(clock.monotonic()).toBeGreaterThan(before)
    expect(fired).toBe(false)
  })
})
