// The legend of a chart: colour, dash and name of each series, with its value at the pointer or at the end.
import type { JSX } from 'preact'
import type { NumberFormat } from '../../src/http/contract.ts'
import { formatValue } from '../format/number.ts'
import { formatDateTime } from '../format/time.ts'
import type { Aligned, Column } from './align.ts'
import { dashOf, seriesColor } from './palette.ts'

export function Swatch({ index, plain }: { index: number; plain: boolean }): JSX.Element {
  return (
    <svg class="swatch" width="16" height="8" viewBox="0 0 16 8" aria-hidden="true" focusable="false">
      {plain ? (
        <rect x="3" y="0" width="10" height="8" rx="2.5" fill={seriesColor(index)} />
      ) : (
        <path
          d="M1 4H15"
          stroke={seriesColor(index)}
          stroke-width="2.4"
          stroke-dasharray={dashOf(index).join(' ') || undefined}
        />
      )}
    </svg>
  )
}

function lastValue(column: Column | undefined): number | null {
  if (!column) return null
  for (let row = column.length - 1; row >= 0; row -= 1) {
    const value = column[row]
    if (value !== null && value !== undefined) return value
  }
  return null
}

export function Legend(props: {
  names: readonly string[]
  aligned: Aligned
  row: number | null
  format: NumberFormat
  /** Blocks instead of dashed lines: stacks are told apart by their areas. */
  plain: boolean
}): JSX.Element {
  const { names, aligned, row, format, plain } = props
  const at = row === null ? undefined : aligned.x[row]
  return (
    <figcaption class="legend">
      {names.map((name, index) => (
        <span class="legend-item" key={name}>
          <Swatch index={index} plain={plain} />
          <span class="legend-name" title={name}>
            {name}
          </span>
          <span class="legend-value">
            {formatValue(row === null ? lastValue(aligned.ys[index]) : aligned.ys[index]?.[row], format)}
          </span>
        </span>
      ))}
      {at !== undefined && <span class="legend-time">{formatDateTime(at)}</span>}
    </figcaption>
  )
}
