// The lines around a place in a source file, with a caret under it.

export type SourcePlace = {
  readonly file: string
  /** Both from 1. */
  readonly line: number
  readonly column: number
}

const linesAround = 3
/** Bundled or generated code has lines of any length: what is shown of one. */
const shownLengthMax = 160

/** `apps/shop.ts:7:10`. */
export function formatPlace(place: SourcePlace): string {
  return `${place.file}:${place.line}:${place.column}`
}

/** Up to three lines before and after `place`, numbered, the line itself marked and a caret under the column. */
export function codeFrame(source: string, place: SourcePlace): string {
  const lines = source.split(/\r?\n/)
  if (lines.length > 1 && lines.at(-1) === '') lines.pop()
  const line = Math.min(Math.max(place.line, 1), Math.max(lines.length, 1))
  const from = Math.max(1, line - linesAround)
  const to = Math.min(lines.length, line + linesAround)
  const width = String(to).length
  const frame: string[] = []
  for (let number = from; number <= to; number++) {
    const text = lines[number - 1] ?? ''
    // A caret far to the right pulls the shown part along.
    const cut = number === line ? Math.max(0, place.column - shownLengthMax + 20) : 0
    const shown = text.slice(cut, cut + shownLengthMax)
    frame.push(`${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${shown}`.trimEnd())
    if (number === line)
      frame.push(`  ${' '.repeat(width)} | ${indent(text.slice(cut), place.column - 1 - cut)}^`)
  }
  return frame.join('\n')
}

/** As wide as the first `length` characters: tabs stay tabs, so that the caret stands under its character. */
function indent(text: string, length: number): string {
  return text.slice(0, Math.max(0, length)).replace(/[^\t]/g, ' ').padEnd(Math.max(0, length))
}

/** `placeAt(file, 'ab\ncd', 4)` -> line 2, column 2. */
export function placeAt(file: string, source: string, index: number): SourcePlace {
  const before = source.slice(0, index)
  const lineStart = before.lastIndexOf('\n') + 1
  return { file, line: before.split('\n').length, column: index - lineStart + 1 }
}
