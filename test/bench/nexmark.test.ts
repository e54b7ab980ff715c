// The queries of the bench answer what the oracle answers, whatever the batches; and the generator gives what it is said to.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { type App, topic } from 'pspf'
import { harness } from 'pspf/testing'
import { Draws } from '../../bench/nexmark/draws.ts'
import type { Event } from '../../bench/nexmark/event.ts'
import { EventGenerator } from '../../bench/nexmark/generator.ts'
import { answers, inputOf } from '../../bench/nexmark/oracle.ts'
import { events } from '../../bench/nexmark/queries/input.ts'
import { digestOf, digestOfRows } from '../../bench/nexmark/results.ts'

const queries = join(import.meta.dir, '../../bench/nexmark/queries')
const count = 4_000
const seed = 11

test('draws are those of the definition', () => {
  const draw = (of: number, event: number, index: number) => {
    const draws = new Draws(of)
    draws.begin(event)
    for (let skipped = 0; skipped < index; skipped++) draws.bits()
    return draws.bits()
  }
  expect([draw(0, 0, 0), draw(0, 0, 1), draw(0, 1, 0), draw(7, 49, 2), draw(1, 2 ** 32, 0)]).toEqual([
    2462723854, 1020716019, 2317529112, 3470971465, 3114040034,
  ])
})

/** Slow in event time: windows close all along, though there are few events. */
function input(): Event[] {
  const generator = new EventGenerator({ seed, rate: 10_000 })
  return Array.from({ length: count }, (_, n) => {
    // Stretched, so that the few events span many windows; no auction may outlive what the queries allow for.
    const event = generator.event(n)
    const dateTime = generator.timeOf(0) + Math.floor((event.dateTime - generator.timeOf(0)) * 100)
    return {
      ...event,
      dateTime,
      ...('expires' in event && { expires: dateTime + (event.expires % 400) }),
    } as Event
  })
}

for (const [query, answer] of Object.entries(answers)) {
  test(`${query} is what the oracle says`, async () => {
    const all = input()
    const { [query]: app } = (await import(join(queries, `${query}.ts`))) as Record<string, App>
    const t = await harness(app!, { seed })
    if (query === 'q13') {
      const side = topic<{ key: number; value: string }>('nexmark-side', { key: 'key' })
      for (let key = 0; key < 10_000; key++) t.send(side, { key, value: `value ${key}` })
      await t.settle()
    }
    for (const event of all) t.send(events, event)
    t.send(events, { kind: 'end', dateTime: all.at(-1)!.dateTime + 3_600_000 })
    await t.settle()
    await t.advanceWallClock('2s')
    const got = digestOf(query, await t.take(topic(`${query}-out`)))
    const expected = digestOfRows(answer(inputOf(all)))
    expect(got.rows).toBe(expected.rows)
    expect(got.rows).toBeGreaterThan(0)
    expect(got.digest()).toBe(expected.digest())
  })
}
