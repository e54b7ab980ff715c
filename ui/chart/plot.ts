// One uPlot on the page: draws what it is given as often as anyone can see, not while out of sight, zooms for itself.
import uPlot from 'uplot'
import { type Aligned, decimate, domainOf, stackColumns } from './align.ts'
import { buildOptions, type ChartLook } from './options.ts'
import type { Palette } from './palette.ts'

/** Five pictures a second: in a tenth of one, a chart of minutes moves by less than a pixel. */
const drawEveryMs = 200
const sizeMinPx = 60
const pointsMin = 100

export type PlotEvents = {
  onCursor(row: number | null): void
  onZoom(zoomed: boolean): void
}

export type Plot = {
  /** The points in the picture: rows of the cursor count in them. */
  drawn(): Aligned
  show(aligned: Aligned, spanMs: number | null): void
  moveCursor(row: number): void
  leave(): void
  resetZoom(): void
  destroy(): void
}

export type PlotSpec = {
  readonly names: readonly string[]
  readonly look: ChartLook
  readonly palette: Palette
}

export function createPlot(
  element: HTMLElement,
  { names, look, palette }: PlotSpec,
  events: PlotEvents,
): Plot {
  let wanted: { aligned: Aligned; spanMs: number | null } = {
    aligned: { x: [], ys: names.map(() => []) },
    spanMs: null,
  }
  let drawn = wanted.aligned
  let zoomed = false
  let inSight = true
  let dirty = false
  let drawnAt = Number.NEGATIVE_INFINITY
  let timer: ReturnType<typeof setTimeout> | null = null

  const size = () => ({
    width: Math.max(sizeMinPx, element.clientWidth),
    height: Math.max(sizeMinPx, element.clientHeight),
  })
  const options = buildOptions(
    names,
    look,
    palette,
    {
      domain: () => (zoomed ? null : domainOf(drawn.x, wanted.spanMs)),
      onCursor: events.onCursor,
      onZoom: () => setZoomed(true),
    },
    size(),
  )
  const chart = new uPlot(options, [[], ...names.map(() => [])], element)

  const resized = new ResizeObserver(() => {
    const next = size()
    if (next.width !== chart.width || next.height !== chart.height) chart.setSize(next)
  })
  resized.observe(element)
  const sighted = new IntersectionObserver((entries) => {
    inSight = entries[entries.length - 1]?.isIntersecting ?? true
    if (inSight && dirty) draw()
  })
  sighted.observe(element)

  function setZoomed(next: boolean): void {
    zoomed = next
    events.onZoom(next)
  }

  function draw(): void {
    dirty = false
    drawnAt = performance.now()
    drawn = decimate(wanted.aligned, Math.max(pointsMin, Math.floor(chart.width)))
    const columns = look.stacked ? stackColumns(drawn.ys) : drawn.ys
    chart.setData([drawn.x, ...columns] as uPlot.AlignedData, !zoomed)
    if (zoomed) chart.redraw()
  }

  /** Now if the last picture is old enough, else when it will be: the newest data always get drawn. */
  function drawSoon(): void {
    dirty = true
    if (timer !== null || !inSight) return
    const waitMs = drawEveryMs - (performance.now() - drawnAt)
    if (waitMs <= 0) draw()
    else {
      timer = setTimeout(() => {
        timer = null
        if (dirty && inSight) draw()
      }, waitMs)
    }
  }

  return {
    drawn: () => drawn,
    show(aligned, spanMs) {
      wanted = { aligned, spanMs }
      drawSoon()
    },
    moveCursor(row) {
      const at = drawn.x[row]
      if (at !== undefined) chart.setCursor({ left: chart.valToPos(at, 'x'), top: 10 })
    },
    leave: () => chart.setCursor({ left: -10, top: -10 }),
    resetZoom() {
      setZoomed(false)
      draw()
    },
    destroy() {
      if (timer !== null) clearTimeout(timer)
      resized.disconnect()
      sighted.disconnect()
      chart.destroy()
    },
  }
}
