// Bars by key: name, length and number in one line each.
import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import type { WidgetData, WidgetSpec } from '../../src/http/contract.ts'
import { formatTight, formatValue } from '../format/number.ts'
import { visibleText } from '../format/text.ts'
import { noPace, paceAfter } from '../parts/pace.ts'
import { barExtent, orderBars, thresholdAt, wordOf } from './value.ts'

type Bars = Extract<WidgetData, { kind: 'bars' }>

/** Drawn at once; the server already limits what it sends. */
const barsMax = 200

/** A bar from zero slides in its track, which costs no layout; others are placed. */
export function fillStyle({ left, width }: { left: number; width: number }): Record<string, string> {
  if (left > 0) return { left: `${left}%`, width: `${width}%`, transform: 'none' }
  return { left: '0', width: '100%', transform: `translateX(${width - 100}%)` }
}

export function BarsWidget({ spec, data }: { spec: WidgetSpec; data: Bars }): JSX.Element {
  const pace = useRef(noPace)
  pace.current = paceAfter(pace.current, data, performance.now())
  const bars = orderBars(data.bars, spec).slice(0, barsMax)
  const values = bars.flatMap((bar) => (bar.value === null ? [] : [bar.value]))
  const low = spec.min ?? Math.min(0, ...values)
  const high = spec.max ?? Math.max(0, ...values)
  return (
    <ul class={pace.current.hurried ? 'bars hurried' : 'bars'}>
      {bars.map((bar) => {
        const reached = thresholdAt(bar.value, spec.thresholds)
        const extent = bar.value === null ? { left: 0, width: 0 } : barExtent(bar.value, low, high)
        return (
          <li key={bar.key} class={`bar ${reached ? `tone-${reached.tone}` : ''}`}>
            <span class="bar-name" title={visibleText(bar.key)}>
              {bar.key === '' ? <span class="faint">""</span> : visibleText(bar.key)}
            </span>
            <span class="bar-track" aria-hidden="true">
              <span class="bar-fill" style={fillStyle(extent)} />
            </span>
            <span class="bar-value" title={formatValue(bar.value, spec)}>
              {formatTight(bar.value, spec)}
              {reached && <span class="offscreen"> {wordOf(reached)}</span>}
            </span>
          </li>
        )
      })}
    </ul>
  )
}
