// How a time chart looks: quiet grid, own fonts and colours, gradients, thresholds as lines with words.
import uPlot from 'uplot'
import type { NumberFormat, Threshold } from '../../src/http/contract.ts'
import { formatCompact } from '../format/number.ts'
import { formatTicks } from '../format/time.ts'
import { yRange } from './align.ts'
import { drawMarker, markedRows } from './markers.ts'
import { type Palette, shapeOf, withAlpha } from './palette.ts'

export type ChartLook = {
  readonly kind: 'line' | 'area'
  readonly stacked: boolean
  readonly format: NumberFormat
  readonly min: number | undefined
  readonly max: number | undefined
  readonly thresholds: readonly Threshold[]
  readonly syncKey: string | undefined
}

export type ChartHooks = {
  /** The span the x axis must show, or null for that of the data. */
  domain(): [number, number] | null
  onCursor(row: number | null): void
  onZoom(): void
}

const axisFont = '11px ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'
const labelWidth = 6.6

export function buildOptions(
  names: readonly string[],
  look: ChartLook,
  palette: Palette,
  hooks: ChartHooks,
  size: { width: number; height: number },
): uPlot.Options {
  const colors = names.map((_, index) => palette.series[index % palette.series.length]!)
  return {
    ...size,
    ms: 1,
    padding: [8, 10, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: true, range: (_, low, high) => hooks.domain() ?? atLeastASecond(low, high) },
      y: {
        range: (_, low, high) =>
          yRange(low, high, { min: look.min, max: look.max, fromZero: look.kind === 'area' || look.stacked }),
      },
    },
    axes: [timeAxis(palette), valueAxis(palette, look.format)],
    cursor: {
      y: false,
      drag: { x: true, y: false },
      points: { size: 8, width: 2, stroke: palette.surface, fill: (_, index) => colors[index - 1] ?? '#888' },
      ...(look.syncKey && {
        sync: {
          key: look.syncKey,
          scales: ['x', null] as [string, null],
          // Neighbours follow the pointer, but each chart is zoomed for itself.
          filters: { pub: (type: string) => type === 'mousemove' || type === 'mouseleave' },
        },
      }),
    },
    series: [
      {},
      ...names.map((name, index): uPlot.Series => {
        const color = colors[index]!
        return {
          label: name,
          stroke: color,
          width: 1.5,
          spanGaps: false,
          points: { show: (u) => u.data[0].length < 3, size: 6, fill: color, stroke: color },
          ...fillOf(look, color, index, names.length),
        }
      }),
    ],
    // Each layer of a stack is filled down to the one below it.
    bands: look.stacked ? names.slice(1).map((_, index) => ({ series: [index + 2, index + 1] })) : [],
    hooks: {
      setCursor: [(u) => hooks.onCursor(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width > 0) hooks.onZoom()
        },
      ],
      drawAxes: [(u) => drawThresholds(u, look.thresholds, palette)],
      draw: [
        (u) => drawMarkers(u, colors, palette.surface, !look.stacked && names.length > 1),
        (u) => drawThresholdWords(u, look.thresholds, palette),
      ],
    },
  }
}

function atLeastASecond(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1_000]
  return high > low ? [low, high] : [low - 500, high + 500]
}

function timeAxis(palette: Palette): uPlot.Axis {
  return {
    stroke: palette.axis,
    font: axisFont,
    size: 26,
    gap: 6,
    space: 72,
    grid: { show: false },
    ticks: { show: false },
    values: (u, ticks) =>
      formatTicks(ticks).map((label, index) => (fits(u, ticks[index]!, label) ? label : '')),
  }
}

/** Labels are centred on their tick: one at the edge would be cut in two. */
function fits(u: uPlot, tick: number, label: string): boolean {
  const at = u.bbox.left / uPlot.pxRatio + u.valToPos(tick, 'x')
  const half = (label.length * labelWidth) / 2
  return !(at - half < 0 || at + half > u.width)
}

function valueAxis(palette: Palette, format: NumberFormat): uPlot.Axis {
  return {
    stroke: palette.axis,
    font: axisFont,
    gap: 8,
    space: (_, _axis, _low, _high, height) => Math.max(34, height / 8),
    grid: { stroke: palette.grid, width: 1 },
    ticks: { show: false },
    values: (_, ticks) => ticks.map((tick) => formatCompact(tick, format)),
    size: (_, labels) =>
      Math.ceil(Math.max(2, ...(labels ?? []).map((label) => label.length)) * labelWidth + 14),
  }
}

function fillOf(look: ChartLook, color: string, index: number, count: number): Partial<uPlot.Series> {
  if (look.stacked) return { fill: withAlpha(color, 0.32) }
  // Layers that are not stacked would mix their colours: only the first is filled.
  const strength = index > 0 ? 0 : look.kind === 'area' ? 0.3 : count === 1 ? 0.14 : 0
  if (strength === 0) return {}
  return {
    fill: (u) => {
      const { top, height } = u.bbox
      // Before the first layout the plot has no height, and a gradient needs one.
      if (!Number.isFinite(top + height) || height <= 0) return withAlpha(color, strength / 2)
      const gradient = u.ctx.createLinearGradient(0, top, 0, top + height)
      gradient.addColorStop(0, withAlpha(color, strength))
      gradient.addColorStop(1, withAlpha(color, 0.01))
      return gradient
    },
  }
}

/** Where a threshold crosses the plot, in canvas pixels; null if it lies outside. */
function thresholdY(u: uPlot, at: number): number | null {
  const { top, height } = u.bbox
  const y = Math.round(u.valToPos(at, 'y', true)) + 0.5
  return y >= top && y <= top + height ? y : null
}

function drawThresholds(u: uPlot, thresholds: readonly Threshold[], palette: Palette): void {
  const { ctx } = u
  const { left, width } = u.bbox
  ctx.save()
  ctx.lineWidth = uPlot.pxRatio
  ctx.setLineDash([3 * uPlot.pxRatio, 3 * uPlot.pxRatio])
  for (const { at, tone } of thresholds) {
    const y = thresholdY(u, at)
    if (y === null) continue
    ctx.strokeStyle = withAlpha(palette.tones[tone], 0.75)
    ctx.beginPath()
    ctx.moveTo(left, y)
    ctx.lineTo(left + width, y)
    ctx.stroke()
  }
  ctx.restore()
}

function drawThresholdWords(u: uPlot, thresholds: readonly Threshold[], palette: Palette): void {
  const { ctx } = u
  ctx.save()
  ctx.font = axisFont.replace('11px', `${10.5 * uPlot.pxRatio}px`)
  ctx.textAlign = 'left'
  ctx.textBaseline = 'bottom'
  ctx.lineJoin = 'round'
  ctx.lineWidth = 4 * uPlot.pxRatio
  for (const { at, tone, label } of thresholds) {
    const y = thresholdY(u, at)
    if (y === null || !label) continue
    const [x, base] = [u.bbox.left + 4 * uPlot.pxRatio, y - 3 * uPlot.pxRatio]
    ctx.strokeStyle = palette.surface
    ctx.strokeText(label, x, base)
    ctx.fillStyle = palette.tones[tone]
    ctx.fillText(label, x, base)
  }
  ctx.restore()
}

const markerGapPx = 130
const markerRadiusPx = 3.2

/** The newest point of each line ("now" in the data), and with several lines a shape every now and then. */
function drawMarkers(u: uPlot, colors: readonly string[], ground: string, several: boolean): void {
  const { ctx } = u
  const xs = u.data[0] as readonly number[]
  const { left, width } = u.bbox
  const radius = markerRadiusPx * uPlot.pxRatio
  colors.forEach((color, index) => {
    const column = u.data[index + 1]
    if (!column) return
    const shift = index / colors.length
    const view = { from: u.scales['x']?.min ?? 0, to: u.scales['x']?.max ?? 0, widthPx: width }
    const rows = several ? markedRows(xs, view, markerGapPx * uPlot.pxRatio, shift) : []
    const newest = lastRow(column)
    if (newest !== null) rows.push(newest)
    for (const row of rows) {
      const value = column[row]
      const x = u.valToPos(xs[row]!, 'x', true)
      if (value === null || value === undefined || x < left || x > left + width + 1) continue
      const shape = several ? shapeOf(index) : 'circle'
      drawMarker(ctx, shape, [x, u.valToPos(value, 'y', true)], { color, ground, radius })
    }
  })
}

function lastRow(column: ArrayLike<number | null | undefined>): number | null {
  for (let row = column.length - 1; row >= 0; row -= 1) {
    if (column[row] !== null && column[row] !== undefined) return row
  }
  return null
}
