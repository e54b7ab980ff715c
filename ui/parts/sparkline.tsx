// A line without axes: the shape of the recent past beside a number.
import type { JSX } from 'preact'
import { isNumber } from '../format/number.ts'

const pad = 2

/** The points of `values` in a box, newest at the right edge; null without two numbers. */
export function sparkPath(
  values: readonly number[],
  width: number,
  height: number,
  slots = values.length,
  fromZero = false,
): { line: string; area: string; end: [number, number] } | null {
  const numbers = values.filter(isNumber)
  if (numbers.length < 2) return null
  const low = fromZero ? Math.min(0, ...numbers) : Math.min(...numbers)
  const high = Math.max(...numbers)
  const span = high - low
  const step = (width - pad) / Math.max(1, slots - 1)
  const left = width - pad - step * (numbers.length - 1)
  const points = numbers.map((value, index): [number, number] => [
    round(left + index * step),
    // A constant is a quiet line in the lower third, not a dramatic one through the middle.
    round(span === 0 ? height * 0.7 : pad + (1 - (value - low) / span) * (height - 2 * pad)),
  ])
  const line = `M${points.map(([x, y]) => `${x} ${y}`).join('L')}`
  const end = points[points.length - 1]!
  return { line, area: `${line}L${end[0]} ${height}L${points[0]![0]} ${height}Z`, end }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

export function Sparkline(props: {
  values: readonly number[]
  width?: number
  height?: number
  /** How many values fill the whole width. */
  slots?: number
  /** Rates are read from zero: a ripple must not look like a collapse. */
  fromZero?: boolean
  stretch?: boolean
  tone?: 'good' | 'warn' | 'bad' | undefined
}): JSX.Element {
  const { values, width = 96, height = 24, slots, fromZero, stretch = false, tone } = props
  const path = sparkPath(values, width, height, slots, fromZero)
  return (
    <svg
      class={`sparkline${stretch ? ' stretch' : ''}${tone ? ` tone-${tone}` : ''}`}
      width={stretch ? undefined : width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio={stretch ? 'none' : undefined}
      aria-hidden="true"
      focusable="false"
    >
      {path ? (
        <>
          <path class="spark-area" d={path.area} />
          <path class="spark-line" d={path.line} />
          {!stretch && <circle class="spark-end" cx={path.end[0]} cy={path.end[1]} r="1.8" />}
        </>
      ) : (
        <path class="spark-none" d={`M${pad} ${height - 4}H${width - pad}`} />
      )}
    </svg>
  )
}
