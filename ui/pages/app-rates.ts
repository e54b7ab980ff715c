// Rates per operator, from the running totals that apps report.
import type { AppStatus } from '../../src/http/contract.ts'
import { createMeter, type Meter } from '../live/rates.ts'
import type { RateOf } from './app-graph.tsx'

/** One meter per app, kept while the page lives. */
const meters = new Map<string, Meter>()
const appsMax = 200

/** Call with each new status; answers how fast each operator works. */
export function ratesOf(app: AppStatus, at: number): RateOf {
  const meter = meters.get(app.id) ?? createMeter()
  if (!meters.has(app.id) && meters.size < appsMax) meters.set(app.id, meter)
  const totals = new Map<string, number>()
  for (const node of app.nodes) {
    totals.set(`${node.id} in`, node.recordsIn)
    totals.set(`${node.id} out`, node.recordsOut)
  }
  meter.add(at, totals)
  return (node, direction) => meter.rate(`${node} ${direction}`)
}
