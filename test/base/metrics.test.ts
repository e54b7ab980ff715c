import { describe, expect, test } from 'bun:test'
import { Metrics } from '../../src/base/metrics.ts'

describe('metrics', () => {
  test('the same name and labels give the same series', () => {
    const metrics = new Metrics()
    metrics.counter('a_total', 'A.', { topic: 'x' }).add(2)
    metrics.counter('a_total', 'A.', { topic: 'x' }).add()
    metrics.counter('a_total', 'A.', { topic: 'y' }).add(5)
    expect(metrics.text()).toContain(
      '# HELP a_total A.\n# TYPE a_total counter\na_total{topic="x"} 3\na_total{topic="y"} 5\n',
    )
  })

  test('label values are escaped', () => {
    const metrics = new Metrics()
    metrics.gauge('g', 'G.', { name: 'a"b\\c\nd' }).set(1)
    expect(metrics.text()).toContain('g{name="a\\"b\\\\c\\nd"} 1')
  })

  test('a histogram counts cumulatively and ends with +Inf, sum and count', () => {
    const histogram = new Metrics()
    const h = histogram.histogram('h_seconds', 'H.')
    for (const value of [0.0001, 0.003, 99]) h.observe(value)
    const text = histogram.text()
    expect(text).toContain('h_seconds_bucket{le="0.0001"} 1')
    expect(text).toContain('h_seconds_bucket{le="0.005"} 2')
    expect(text).toContain('h_seconds_bucket{le="10"} 2')
    expect(text).toContain('h_seconds_bucket{le="+Inf"} 3')
    expect(text).toContain('h_seconds_count 3')
  })

  test('a quantile lies inside the bucket that holds it', () => {
    const h = new Metrics().histogram('h', 'H.')
    for (let i = 0; i < 100; i++) h.observe(i < 90 ? 0.0015 : 0.15)
    expect(h.quantile(0.5)).toBeGreaterThan(0.001)
    expect(h.quantile(0.5)).toBeLessThanOrEqual(0.002)
    expect(h.quantile(0.99)).toBeGreaterThan(0.1)
    expect(h.quantile(0.99)).toBeLessThanOrEqual(0.2)
    expect(new Metrics().histogram('e', 'E.').quantile(0.5)).toBe(0)
  })

  test('collectors run before each exposition, forgotten series are gone', () => {
    const metrics = new Metrics()
    let n = 0
    metrics.collect(() => metrics.gauge('n', 'N.', { topic: 't' }).set(++n))
    expect(metrics.text()).toContain('n{topic="t"} 1')
    expect(metrics.text()).toContain('n{topic="t"} 2')
    metrics.counter('c', 'C.', { topic: 't2' }).add()
    metrics.forget({ topic: 't2' })
    expect(metrics.text()).not.toContain('t2')
  })
})
