// Text in columns. Widths come from the first rows and only grow, so that rows which arrive later still line up.
import type { Paint } from './style.ts'

const gap = '  '

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
  text(rows: readonly (readonly string[])[]): string {
    const { columns, headers, paint } = this.#options
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
