// One number: large, with its change, its recent shape behind it, and a word when a threshold is reached.
import type { JSX } from 'preact'
import type { WidgetData, WidgetSpec } from '../../src/http/contract.ts'
import { formatValue, isNumber, joinNumber, writeDecimals, writeTight } from '../format/number.ts'
import { Icon } from '../parts/icon.tsx'
import { Quantity } from '../parts/number.tsx'
import { Sparkline } from '../parts/sparkline.tsx'
import { Badge } from '../parts/surface.tsx'
import { type Change, changeOf, thresholdAt, wordOf } from './value.ts'

type Stat = Extract<WidgetData, { kind: 'stat' }>

/** A change smaller than this is the same number. */
const steadyPercent = 0.05

export function StatWidget({ spec, data }: { spec: WidgetSpec; data: Stat }): JSX.Element {
  const reached = thresholdAt(data.value, spec.thresholds)
  const change = changeOf(data.value, data.previous)
  return (
    <div class="stat">
      <div class="stat-main">
        <span
          class={`stat-value ${isNumber(data.value) ? '' : 'text'}`}
          title={formatValue(data.value, spec)}
        >
          <Quantity value={data.value} format={spec} tight />
        </span>
        <span class="stat-side">
          {change !== null && <ChangeMark change={change} spec={spec} />}
          {reached && <Badge tone={reached.tone}>{wordOf(reached)}</Badge>}
        </span>
      </div>
      {spec.sparkline && (
        <Sparkline values={data.spark} width={240} height={44} stretch tone={reached?.tone} />
      )}
    </div>
  )
}

function ChangeMark({ change, spec }: { change: Change; spec: WidgetSpec }): JSX.Element {
  const { by, percent } = change
  const isSteady = percent === null ? by === 0 : Math.abs(percent) < steadyPercent
  return (
    <span class="change" title="Compared with the value before">
      <Icon name={isSteady ? 'equal' : by > 0 ? 'up' : 'fall'} size={11} />
      <span class="offscreen">{isSteady ? 'unchanged' : by > 0 ? 'up' : 'down'}</span>
      {isSteady ? '0%' : sizeOf(change, spec)}
    </span>
  )
}

function sizeOf({ by, percent }: Change, spec: WidgetSpec): string {
  if (percent === null) return joinNumber(writeTight(Math.abs(by), spec))
  const size = Math.abs(percent)
  return `${writeDecimals(size, size >= 10 ? 0 : 1)}%`
}
