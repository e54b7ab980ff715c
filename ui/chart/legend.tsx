// The legend of a chart: colour, shape and name of each series, with its value at the pointer or at the end.
import type { JSX } from 'preact'
import type { NumberFormat } from '../../src/http/contract.ts'
import { formatTight, formatValue } from '../format/number.ts'
import { visibleText } from '../format/text.ts'
import type { Aligned, Column } from './align.ts'
import { outlineOf } from './markers.ts'
import { seriesColor, shapeOf } from './palette.ts'

export function Swatch({ index, plain }: { index: number; plain: boolean }): JSX.Element {
  const color = seriesColor(index)
  return (
    <svg class="swatch" width="16" height="10" viewBox="0 0 16 10" aria-hidden="true" focusable="false">
      {plain ? (
        <rect x="2" y="0" width="12" height="10" rx="3" fill={color} />
      ) : (
        <>
          <path d="M0 5H16" stroke={color} stroke-width="1.6" />
          <path d={outlineOf(shapeOf(index))} fill={color} transform="translate(8 5) scale(3.2)" />
        </>
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
  /** Blocks instead of lines: stacks are told apart by their areas. */
  plain: boolean
}): JSX.Element {
  const { names, aligned, row, format, plain } = props
  return (
    <figcaption class="legend">
      {names.map((name, index) => (
        <span class="legend-item" key={name}>
          <Swatch index={index} plain={plain} />
          <span class="legend-name" title={visibleText(name)}>
            {name === '' ? '""' : visibleText(name)}
          </span>
          <Reading
            value={row === null ? lastValue(aligned.ys[index]) : aligned.ys[index]?.[row]}
            format={format}
          />
        </span>
      ))}
    </figcaption>
  )
}

function Reading({ value, format }: { value: unknown; format: NumberFormat }): JSX.Element {
  return (
    <span class="legend-value" title={formatValue(value, format)}>
      {formatTight(value, format)}
    </span>
  )
}
