// A chart over time: uPlot for the picture; legend, keyboard and words for everyone else.
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import type { NumberFormat, SeriesData, Threshold } from '../../src/http/contract.ts'
import { formatValue } from '../format/number.ts'
import { formatDateTime } from '../format/time.ts'
import { type Aligned, alignSeries, decimate, domainOf, seriesWithin, stackColumns } from './align.ts'
import { Legend } from './legend.tsx'
import { buildOptions, type ChartLook } from './options.ts'
import { palette } from './palette.ts'

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
  legend?: 'always' | 'quiet' | 'never'
}

const noThresholds: readonly Threshold[] = []
const speakAfterMs = 350
const bigStep = 10

export function TimeChart(props: TimeChartProps): JSX.Element {
  const { name, kind = 'line', stacked = false, format = {}, spanMs = null, legend = 'quiet' } = props
  const series = useMemo(() => seriesWithin(props.series, spanMs), [props.series, spanMs])
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const zoomed = useRef(false)
  const domain = useRef<[number, number] | null>(null)
  const [isZoomed, setZoomed] = useState(false)
  const [cursorRow, setCursorRow] = useState<number | null>(null)
  const [spoken, setSpoken] = useState('')
  const names = series.map((one) => one.name)
  const aligned = useMemo(() => alignSeries(series, spanMs), [series, spanMs])
  const drawn = useRef<Aligned>(aligned)
  const colors = palette.value

  const look: ChartLook = {
    kind,
    stacked: stacked && series.length > 1,
    format,
    min: props.min,
    max: props.max,
    thresholds: props.thresholds ?? noThresholds,
    syncKey: props.syncKey,
    compact: false,
  }
  const lookKey = JSON.stringify([names, look])

  function dataFor(width: number): uPlot.AlignedData {
    drawn.current = decimate(aligned, Math.max(100, Math.floor(width)))
    const { x, ys } = drawn.current
    return [x, ...(look.stacked ? stackColumns(ys) : ys)] as uPlot.AlignedData
  }

  useEffect(() => {
    const element = box.current
    if (!element) return
    const size = () => ({
      width: Math.max(60, element.clientWidth),
      height: Math.max(60, element.clientHeight),
    })
    const options = buildOptions(
      names,
      look,
      colors,
      {
        domain: () => (zoomed.current ? null : domain.current),
        onCursor: setCursorRow,
        onZoom: () => {
          zoomed.current = true
          setZoomed(true)
        },
      },
      size(),
    )
    const chart = new uPlot(options, dataFor(element.clientWidth), element)
    plot.current = chart
    // The observer also fires once at the start; the size is compared so that nothing is drawn twice.
    const observer = new ResizeObserver(() => {
      const next = size()
      if (next.width !== chart.width || next.height !== chart.height) chart.setSize(next)
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      chart.destroy()
      plot.current = null
    }
  }, [lookKey, colors])

  useEffect(() => {
    domain.current = domainOf(aligned.x, spanMs)
    const chart = plot.current
    if (!chart) return
    chart.setData(dataFor(chart.width), !zoomed.current)
    if (zoomed.current) chart.redraw()
  }, [aligned, lookKey, colors])

  useEffect(() => {
    if (cursorRow === null) return
    const timer = setTimeout(
      () => setSpoken(describeRow(drawn.current, names, cursorRow, format)),
      speakAfterMs,
    )
    return () => clearTimeout(timer)
  }, [cursorRow])

  function resetZoom(): void {
    zoomed.current = false
    setZoomed(false)
    plot.current?.setData(dataFor(plot.current.width), true)
  }

  function moveCursor(event: KeyboardEvent): void {
    const chart = plot.current
    const last = drawn.current.x.length - 1
    if (!chart || last < 0) return
    const next = nextRow(event, cursorRow ?? last, last)
    if (next === null) return
    event.preventDefault()
    chart.setCursor({ left: chart.valToPos(drawn.current.x[next]!, 'x'), top: 10 })
  }

  const showLegend = legend === 'always' || (legend === 'quiet' && series.length > 1)
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
        onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
        onDblClick={() => {
          zoomed.current = false
          setZoomed(false)
        }}
      />
      {isZoomed && (
        <button type="button" class="button small chart-reset" onClick={resetZoom}>
          Reset zoom
        </button>
      )}
      {showLegend && (
        <Legend names={names} aligned={drawn.current} row={cursorRow} format={format} plain={look.stacked} />
      )}
      {!showLegend && <CursorNote names={names} aligned={drawn.current} row={cursorRow} format={format} />}
      <output class="offscreen" aria-live="polite">
        {spoken}
      </output>
    </figure>
  )
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

/** Without a legend, the value under the pointer is told in the corner. */
function CursorNote(props: {
  names: readonly string[]
  aligned: Aligned
  row: number | null
  format: NumberFormat
}): JSX.Element | null {
  const at = props.row === null ? undefined : props.aligned.x[props.row]
  if (props.row === null || at === undefined) return null
  return (
    <div class="chart-note" aria-hidden="true">
      <span>{formatDateTime(at)}</span>
      <strong>{formatValue(props.aligned.ys[0]?.[props.row], props.format)}</strong>
    </div>
  )
}
