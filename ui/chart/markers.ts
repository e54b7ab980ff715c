// Marker shapes: the same outline for the chart's canvas and for the legend's SVG, in a box from -1 to 1.
import type { Shape } from './palette.ts'

const outlines: Record<Shape, string> = {
  circle: 'M-1 0A1 1 0 1 1 1 0A1 1 0 1 1 -1 0Z',
  square: 'M-.9 -.9H.9V.9H-.9Z',
  triangle: 'M0 -1.15L1.1 .85H-1.1Z',
  diamond: 'M0 -1.3L1.2 0L0 1.3L-1.2 0Z',
  cross: 'M-.4 -1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z',
  ring: 'M-1.1 0A1.1 1.1 0 1 1 1.1 0A1.1 1.1 0 1 1 -1.1 0ZM-.45 0A.45 .45 0 1 0 .45 0A.45 .45 0 1 0 -.45 0Z',
  bar: 'M-.5 -1.2H.5V1.2H-.5Z',
  star: 'M0 -1.35L.35 -.42L1.28 -.42L.56 .18L.82 1.1L0 .58L-.82 1.1L-.56 .18L-1.28 -.42L-.35 -.42Z',
}

export function outlineOf(shape: Shape): string {
  return outlines[shape]
}

export type Pen = { readonly color: string; readonly ground: string; readonly radius: number }

export function drawMarker(
  context: CanvasRenderingContext2D,
  shape: Shape,
  at: readonly [number, number],
  { color, ground, radius }: Pen,
): void {
  context.save()
  context.translate(at[0], at[1])
  context.scale(radius, radius)
  const path = new Path2D(outlines[shape])
  context.strokeStyle = ground
  context.lineWidth = 0.9
  context.lineJoin = 'round'
  context.stroke(path)
  context.fillStyle = color
  context.fill(path)
  context.restore()
}

const niceSteps = [1, 2, 5]

/**
 * Rows that carry a marker: about one per `gapPx`, bound to moments rather than pixels, so that they move with the data.
 * `shift` (0..1) keeps the markers of several series apart.
 */
export function markedRows(
  x: readonly number[],
  view: { readonly from: number; readonly to: number; readonly widthPx: number },
  gapPx: number,
  shift: number,
): number[] {
  const { from, to, widthPx } = view
  if (!(to > from) || widthPx <= 0) return []
  const step = niceStep(((to - from) * gapPx) / widthPx)
  const rows: number[] = []
  let next = Math.ceil(from / step - shift) + shift
  x.forEach((at, row) => {
    if (at < next * step) return
    rows.push(row)
    next = Math.floor(at / step - shift) + 1 + shift
  })
  return rows
}

function niceStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast))
  const nice = niceSteps.find((one) => one * power >= atLeast)
  return (nice ?? 10) * power
}
