// A chart over time: uPlot for the picture; legend, keyboard and words for everyone else.
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { NumberFormat, SeriesData, Threshold } from '../../src/http/contract.ts'
import { formatValue } from '../format/number.ts'
import { formatDateTime } from '../format/time.ts'
import { type Aligned, alignSeries, seriesWithin } from './align.ts'
import { Legend } from './legend.tsx'
import type { ChartLook } from './options.ts'
import { palette } from './palette.ts'
import { createPlot, type Plot } from './plot.ts'

export type TimeChartProps = {
  name: string
  series: readonly SeriesData[]
  kind?: 'line' | 'area'
  stacked?: boolean
  format?: NumberFormat
  min?: number | undefined
  max?: number | undefined
  thresholds?: readonly Threshold[] | undefined
  spanMs?: number | null
  syncKey?: string
  /** `quiet`: no legend for a single series. */
  legend?: 'always' | 'quiet'
}

const noThresholds: readonly Threshold[] = []
const noFormat: NumberFormat = {}
const speakAfterMs = 350
const bigStep = 10

export function TimeChart(props: TimeChartProps): JSX.Element {
  const { name, format = noFormat, spanMs = null, legend = 'quiet' } = props
  const series = useMemo(() => seriesWithin(props.series, spanMs), [props.series, spanMs])
  const aligned = useMemo(() => alignSeries(series, spanMs), [series, spanMs])
  const names = series.map((one) => one.name)
  const look = lookOf(props, series.length)
  const { box, plot, row, zoomed } = usePlot(names, look, aligned, spanMs)
  const shown = row === null ? aligned : (plot.current?.drawn() ?? aligned)
  const spoken = useSpoken(row === null ? '' : describeRow(shown, names, row, format))

  function moveCursor(event: KeyboardEvent): void {
    const last = (plot.current?.drawn().x.length ?? 0) - 1
    const next = last < 0 ? null : nextRow(event, row ?? last, last)
    if (next === null) return
    event.preventDefault()
    plot.current?.moveCursor(next)
  }

  const showLegend = legend === 'always' || series.length > 1
  return (
    <figure class="chart" aria-label={name}>
      <div
        class="chart-surface"
        ref={box}
        role="application"
        aria-roledescription="chart"
        aria-label={`${name}. Arrow keys move along the points.`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the surface is read with the arrow keys
        tabIndex={0}
        onKeyDown={moveCursor}
        onBlur={() => plot.current?.leave()}
        onDblClick={() => plot.current?.resetZoom()}
      />
      {zoomed && (
        <button type="button" class="button small chart-reset" onClick={() => plot.current?.resetZoom()}>
          Reset zoom
        </button>
      )}
      <CursorNote aligned={shown} row={row} format={format} alone={!showLegend} />
      {showLegend && <Legend names={names} aligned={shown} row={row} format={format} plain={look.stacked} />}
      <output class="offscreen" aria-live="polite">
        {spoken}
      </output>
    </figure>
  )
}

function lookOf(props: TimeChartProps, seriesCount: number): ChartLook {
  return {
    kind: props.kind ?? 'line',
    stacked: (props.stacked ?? false) && seriesCount > 1,
    format: props.format ?? noFormat,
    min: props.min,
    max: props.max,
    thresholds: props.thresholds ?? noThresholds,
    syncKey: props.syncKey,
  }
}

/** The plot lives as long as its look; data only pass through it. */
function usePlot(names: readonly string[], look: ChartLook, aligned: Aligned, spanMs: number | null) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<Plot | null>(null)
  const [row, setRow] = useState<number | null>(null)
  const [zoomed, setZoomed] = useState(false)
  const colors = palette.value
  const lookKey = JSON.stringify([names, look])

  useEffect(() => {
    if (!box.current) return
    const created = createPlot(
      box.current,
      { names, look, palette: colors },
      { onCursor: setRow, onZoom: setZoomed },
    )
    plot.current = created
    return () => {
      created.destroy()
      plot.current = null
      setZoomed(false)
    }
  }, [lookKey, colors])

  useEffect(() => plot.current?.show(aligned, spanMs), [aligned, spanMs, lookKey, colors])
  return { box, plot, row, zoomed }
}

/** Read out only once the cursor rests: a voice cannot follow a moving pointer. */
function useSpoken(text: string): string {
  const [spoken, setSpoken] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => setSpoken(text), speakAfterMs)
    return () => clearTimeout(timer)
  }, [text])
  return spoken
}

function nextRow(event: KeyboardEvent, row: number, last: number): number | null {
  const step = event.shiftKey ? bigStep : 1
  switch (event.key) {
    case 'ArrowLeft':
      return Math.max(0, row - step)
    case 'ArrowRight':
      return Math.min(last, row + step)
    case 'Home':
      return 0
    case 'End':
      return last
    default:
      return null
  }
}

function describeRow(aligned: Aligned, names: readonly string[], row: number, format: NumberFormat): string {
  const at = aligned.x[row]
  if (at === undefined) return ''
  const values = names.map((name, index) => `${name} ${formatValue(aligned.ys[index]?.[row], format)}`)
  return `${formatDateTime(at)}: ${values.join(', ')}`
}

/** The moment under the pointer, told in the corner; without a legend the value too. */
function CursorNote(props: {
  aligned: Aligned
  row: number | null
  format: NumberFormat
  alone: boolean
}): JSX.Element | null {
  const at = props.row === null ? undefined : props.aligned.x[props.row]
  if (props.row === null || at === undefined) return null
  return (
    <div class="chart-note" aria-hidden="true">
      <span>{formatDateTime(at)}</span>
      {props.alone && <strong>{formatValue(props.aligned.ys[0]?.[props.row], props.format)}</strong>}
    </div>
  )
}
