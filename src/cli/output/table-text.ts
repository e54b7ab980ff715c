// Text in columns. Widths come from the first rows and only grow, so that rows which arrive later still line up.
import type { Paint } from './style.ts'

const gap = '  '
/** A cell may always be this wide: a timestamp fits. */
const cellWidthMin = 24

export type TableOptions = {
  readonly columns: readonly { readonly title: string; readonly right?: boolean; readonly width?: number }[]
  readonly headers: boolean
  readonly paint: Paint
  /** Lines are cut here; null never cuts. */
  readonly widthMax: number | null
}

export class TableText {
  readonly #options: TableOptions
  readonly #widths: number[]
  #headed = false

  constructor(options: TableOptions) {
    this.#options = options
    this.#widths = options.columns.map((column) =>
      Math.max(column.width ?? 0, options.headers ? column.title.length : 0),
    )
  }

  /** Lines for these rows of cells, after the header line if it is still to come. */
  text(given: readonly (readonly string[])[]): string {
    const { columns, headers, paint } = this.#options
    const rows = given.map((row) => this.#cutCells(row))
    for (const row of rows) {
      row.forEach((cell, index) => {
        this.#widths[index] = Math.max(this.#widths[index]!, Bun.stringWidth(cell))
      })
    }
    const lines = rows.map((row) => this.#line(row))
    if (headers && !this.#headed) lines.unshift(paint.bold(this.#line(columns.map((column) => column.title))))
    this.#headed = true
    return lines.map((line) => `${line}\n`).join('')
  }

  /** One long cell must not push all others out of sight; the last one has the rest of the line. */
  #cutCells(cells: readonly string[]): readonly string[] {
    const { widthMax } = this.#options
    if (widthMax === null) return cells
    const cellMax = Math.max(cellWidthMin, Math.floor(widthMax / 3))
    return cells.map((cell, index) => (index === cells.length - 1 ? cell : cut(cell, cellMax)))
  }

  #line(cells: readonly string[]): string {
    const padded = cells.map((cell, index) => {
      const space = ' '.repeat(Math.max(0, this.#widths[index]! - Bun.stringWidth(cell)))
      if (this.#options.columns[index]?.right) return space + cell
      return index === cells.length - 1 ? cell : cell + space
    })
    return cut(padded.join(gap), this.#options.widthMax)
  }
}

/** `cut('abcdef', 4) -> 'abc…'`, by what a terminal shows, not by characters. */
export function cut(text: string, widthMax: number | null): string {
  if (widthMax === null || Bun.stringWidth(text) <= widthMax) return text
  let width = 0
  let kept = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += Bun.stringWidth(segment)
    if (width > widthMax - 1) break
    kept += segment
  }
  return `${kept}…`
}
