// Sketches against exact answers: within their promised error, whatever is merged in whatever order.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { seededRandom } from '../../../src/base/random.ts'
import { DistinctSketch, exactMax } from '../../../src/streams/sketch/distinct-sketch.ts'
import { QuantileSketch, relativeError } from '../../../src/streams/sketch/quantile-sketch.ts'

const value = fc.oneof(
  fc.integer({ min: -1_000, max: 1_000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }),
  fc.constantFrom(0, 1, -1, 1e308, -1e308, 1e-200),
)

test('each quantile lies within one per cent of the value that a sort finds there', () => {
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 300 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (all, q) => {
        const sketch = all.reduce((one, n) => one.add(n), QuantileSketch.empty)
        const exact = all.toSorted((a, b) => a - b)[Math.floor(q * (all.length - 1))]!
        const [found] = sketch.quantiles([q])!
        expect(Math.abs(found! - exact)).toBeLessThanOrEqual(
          Math.abs(exact) * relativeError * 1.000001 + 1e-299,
        )
      },
    ),
    { numRuns: 300 },
  )
})

test('merged sketches, through JSON and in any order, are the sketch of the whole', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 200 }), fc.array(value, { maxLength: 200 }), (a, b) => {
      const sketch = (all: number[]) => all.reduce((one, n) => one.add(n), QuantileSketch.empty)
      const stored = (one: QuantileSketch) => QuantileSketch.of(JSON.parse(JSON.stringify(one)))
      const whole = JSON.stringify(sketch([...a, ...b]))
      expect(JSON.stringify(stored(sketch(a)).merge(sketch(b)))).toBe(whole)
      expect(JSON.stringify(sketch(b).merge(stored(sketch(a))))).toBe(whole)
    }),
  )
})

test('values over all orders of magnitude keep a bounded number of buckets, and the upper quantiles', () => {
  let sketch = QuantileSketch.empty
  const all: number[] = []
  for (let power = -290; power <= 300; power++) {
    for (let part = 1; part < 10; part++) {
      all.push(part * 10 ** power)
      sketch = sketch.add(part * 10 ** power)
    }
  }
  expect((JSON.parse(JSON.stringify(sketch)) as unknown[]).length).toBeLessThanOrEqual(2_048)
  const exact = all[Math.floor(0.99 * (all.length - 1))]!
  expect(Math.abs(sketch.quantiles([0.99])![0]! / exact - 1)).toBeLessThan(0.0101)
})

test('few values are counted exactly, many within four standard errors', () => {
  const counts = [0, 1, 5, exactMax, exactMax + 1, 1_000, 4_000, 10_000, 20_000, 50_000]
  for (const make of [
    (n: number) => n,
    (n: number) => `user-${n}`,
    (n: number) => `${n * 7_919}@x.example`,
  ]) {
    let sketch = DistinctSketch.empty
    let n = 0
    for (const count of counts) {
      for (; n < count; n++) sketch = sketch.add(make(n)).add(make(Math.floor(n / 2)))
      if (count <= exactMax) expect(sketch.count).toBe(count)
      else expect(Math.abs(sketch.count / count - 1)).toBeLessThan(4 * 0.01625)
    }
  }
})

test('distinct sketches merge without counting anything twice, through JSON and in any order', () => {
  const random = seededRandom(5)
  for (const [left, right] of [
    [10, 20],
    [200, 200],
    [200, 5_000],
    [5_000, 200],
    [9_000, 9_000],
  ] as const) {
    const some = (count: number) => Array.from({ length: count }, () => random.below(12_000))
    const a = some(left)
    const b = some(right)
    const sketch = (all: number[]) => all.reduce((one, n) => one.add(n), DistinctSketch.empty)
    const stored = (one: DistinctSketch) => DistinctSketch.of(JSON.parse(JSON.stringify(one)))
    const whole = JSON.stringify(sketch([...a, ...b]))
    expect(JSON.stringify(stored(sketch(a)).merge(sketch(b)))).toBe(whole)
    expect(JSON.stringify(sketch(b).merge(stored(sketch(a))))).toBe(whole)
  }
})

test('a text and the number it shows are different values', () => {
  expect(DistinctSketch.empty.add(1).add('1').add(true).add('true').count).toBe(4)
})
