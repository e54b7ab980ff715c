// What apps tell of themselves, as metrics. Series are by app and operator, never by partition, and bounded.
import type { Clock, Counter, Labels, Metrics } from '#base'
import type { AppStatus, NodeStats } from '../api.ts'

/** Operators that get series of their own; those of later apps beyond it have none. */
const operatorsMax = 1_000

const totals = {
  pspf_operator_records_total: ['Rows that came into the operator', ({ recordsIn }) => recordsIn],
  pspf_operator_emitted_total: ['Rows that the operator sent on', ({ recordsOut }) => recordsOut],
  pspf_operator_errors_total: ['Bad records, and rows on which a function threw', ({ errors }) => errors],
  pspf_operator_late_total: ['Rows that came too late', ({ late }) => late],
  pspf_operator_dropped_total: ['Rows without a key or a window', ({ dropped }) => dropped],
} as const satisfies Record<string, readonly [help: string, of: (stats: NodeStats) => number]>

export class AppMetrics {
  readonly #metrics: Metrics
  readonly #clock: Clock
  /** What each total was when it was last told: an app that starts again counts from 0. */
  readonly #told = new Map<Counter, number>()
  readonly #operators = new Set<string>()

  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics
    this.#clock = clock
  }

  measure(apps: readonly AppStatus[]): void {
    for (const app of apps) {
      this.#measureApp(app)
      for (const stats of app.nodes) this.#measureOperator(app.id, stats)
    }
  }

  #measureApp({ id, state, restarts, lag, memoryBytes, tasks }: AppStatus): void {
    const labels = { app: id }
    const gauge = (name: string, help: string) => this.#metrics.gauge(name, help, labels)
    gauge('pspf_app_running', '1 while the app runs').set(state === 'running' ? 1 : 0)
    gauge('pspf_app_restarts', 'Restarts of the app since the node started').set(restarts)
    gauge('pspf_app_lag_records', 'Records the app has not processed yet').set(lag)
    gauge('pspf_app_memory_bytes', 'Memory of the process of the app').set(memoryBytes)
    const commitMs = Math.max(0, ...tasks.map((task) => task.commitMs))
    gauge('pspf_app_commit_seconds', 'Time of a commit until it is durable, of the slowest task').set(
      commitMs / 1000,
    )
    const watermarks = tasks.map(({ watermark }) => watermark).filter((time) => time !== null)
    if (watermarks.length === 0) return
    const delayMs = this.#clock.now() - Math.min(...watermarks)
    gauge('pspf_app_watermark_delay_seconds', 'How far event time is behind the clock').set(delayMs / 1000)
  }

  #measureOperator(app: string, stats: NodeStats): void {
    const name = `${app}\n${stats.id}`
    if (!this.#operators.has(name) && this.#operators.size >= operatorsMax) return
    this.#operators.add(name)
    const labels = { app, operator: stats.id }
    for (const [metric, [help, of]] of Object.entries(totals))
      this.#raise(metric, help, { labels, to: of(stats) })
  }

  #raise(
    metric: string,
    help: string,
    { labels, to }: { readonly labels: Labels; readonly to: number },
  ): void {
    const counter = this.#metrics.counter(metric, help, labels)
    const before = this.#told.get(counter) ?? 0
    counter.add(to >= before ? to - before : to)
    this.#told.set(counter, to)
  }
}
