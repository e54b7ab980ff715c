// Where widgets come to lie on a board, so that a card without a height of its own ends where its neighbours end.
import type { WidgetSpec } from '../../src/http/contract.ts'

const columns = 12
const defaultSizes = { stat: [3, 2], line: [6, 4], area: [6, 4], bar: [4, 4], table: [6, 4] } as const

export function sizeOf(spec: WidgetSpec): { width: number; height: number } {
  const [width, height] = defaultSizes[spec.kind] ?? [6, 4]
  const bounded = (value: number | undefined, fallback: number, max: number) =>
    Math.min(max, Math.max(1, Math.round(value ?? fallback)))
  return { width: bounded(spec.width, width, columns), height: bounded(spec.height, height, 12) }
}

export type Place = {
  readonly width: number
  readonly height: number
  /** A number with no other beside it: on a small screen it takes the whole line. */
  readonly single: boolean
  /** The last of an odd count of numbers in a row: where two share a line, it has one for itself. */
  readonly odd: boolean
}

type Spot = { readonly row: number; readonly column: number; readonly width: number; height: number }

/** As the browser fills the grid (each widget into the first gap that takes it), then grown into what stayed empty. */
export function planBoard(widgets: readonly WidgetSpec[]): Place[] {
  const taken: boolean[][] = []
  const spots = widgets.map((spec) => settle(taken, sizeOf(spec)))
  widgets.forEach((spec, index) => {
    if (spec.height === undefined) grow(taken, spots[index]!, spots)
  })
  return spots.map(({ width, height }, index) => {
    const run = runOfStats(widgets, index)
    return {
      width,
      height,
      single: run.length === 1,
      odd: run.length % 2 === 1 && run.place === run.length - 1,
    }
  })
}

function settle(taken: boolean[][], { width, height }: { width: number; height: number }): Spot {
  for (let row = 0; ; row += 1) {
    for (let column = 0; column + width <= columns; column += 1) {
      const spot = { row, column, width, height }
      if (!isFree(taken, spot)) continue
      take(taken, spot)
      return spot
    }
  }
}

/** Never beyond the lowest neighbour that stands beside it. */
function grow(taken: boolean[][], spot: Spot, spots: readonly Spot[]): void {
  const end = spot.row + spot.height
  const beside = spots.filter((other) => other.row < end && other.row + other.height > spot.row)
  const lowest = Math.max(...beside.map((other) => other.row + other.height))
  for (let row = end; row < lowest; row += 1) {
    const next = { ...spot, row, height: 1 }
    if (!isFree(taken, next)) return
    take(taken, next)
    spot.height += 1
  }
}

function isFree(taken: boolean[][], { row, column, width, height }: Spot): boolean {
  for (let y = row; y < row + height; y += 1)
    for (let x = column; x < column + width; x += 1) if (taken[y]?.[x]) return false
  return true
}

function take(taken: boolean[][], { row, column, width, height }: Spot): void {
  for (let y = row; y < row + height; y += 1) {
    taken[y] ??= []
    for (let x = column; x < column + width; x += 1) taken[y]![x] = true
  }
}

function runOfStats(widgets: readonly WidgetSpec[], index: number): { length: number; place: number } {
  if (widgets[index]?.kind !== 'stat') return { length: 0, place: 0 }
  let first = index
  let last = index
  while (widgets[first - 1]?.kind === 'stat') first -= 1
  while (widgets[last + 1]?.kind === 'stat') last += 1
  return { length: last - first + 1, place: index - first }
}
