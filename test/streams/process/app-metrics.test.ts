import { expect, test } from 'bun:test'
import { Metrics } from '#base'
import type { AppStatus } from '#streams'
import { AppMetrics } from '../../../src/streams/process/app-metrics.ts'
import { VirtualClock } from '../../../src/streams/testing/virtual-clock.ts'

const appWith = (id: string, recordsIn: number, watermarks: (number | null)[] = []): AppStatus =>
  ({
    id,
    state: 'running',
    restarts: 1,
    lag: 7,
    memoryBytes: 1_000,
    nodes: [{ id: 'count "all"', recordsIn, recordsOut: 1, errors: 2, late: 3, dropped: 4 }],
    tasks: watermarks.map((watermark, index) => ({ watermark, commitMs: 2 + index })),
  }) as unknown as AppStatus

const lineOf = (metrics: Metrics, name: string) => {
  const line = metrics
    .text()
    .split('\n')
    .find((one) => one.startsWith(`${name}{`))
  return line?.slice(line.lastIndexOf(' ') + 1)
}

test('operators have totals that go on where an app starts again', () => {
  const metrics = new Metrics()
  const measured = new AppMetrics(metrics, new VirtualClock(10_000))
  for (const recordsIn of [5, 8, 8, 2]) measured.measure([appWith('shop', recordsIn)])
  expect(lineOf(metrics, 'pspf_operator_records_total')).toBe('10')
  expect(lineOf(metrics, 'pspf_operator_late_total')).toBe('3')
  expect(metrics.text()).toContain('pspf_operator_dropped_total{app="shop",operator="count \\"all\\""} 4')
})

test('an app tells how far its event time is behind, and how long its commits take', () => {
  const metrics = new Metrics()
  const measured = new AppMetrics(metrics, new VirtualClock(10_000))
  measured.measure([appWith('shop', 1, [9_000, 4_000, null])])
  expect(lineOf(metrics, 'pspf_app_watermark_delay_seconds')).toBe('6')
  expect(lineOf(metrics, 'pspf_app_commit_seconds')).toBe('0.004')
  expect(lineOf(metrics, 'pspf_app_lag_records')).toBe('7')
})

test('an app without event time has no delay', () => {
  const metrics = new Metrics()
  new AppMetrics(metrics, new VirtualClock(0)).measure([appWith('shop', 1, [null])])
  expect(lineOf(metrics, 'pspf_app_watermark_delay_seconds')).toBeUndefined()
})

test('the number of series is bounded', () => {
  const metrics = new Metrics()
  const apps = Array.from({ length: 1_200 }, (_, n) => appWith(`a${n}`, 1))
  new AppMetrics(metrics, new VirtualClock(0)).measure(apps)
  const lines = metrics.text().split('\n')
  expect(lines.filter((line) => line.startsWith('pspf_operator_records_total{'))).toHaveLength(1_000)
})
