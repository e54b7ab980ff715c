// Tables as they grow: on the terminal and, rewritten after every row, in a file, so that a run that is cut leaves what it
// measured.

export class Report {
  readonly #save: (text: string) => void
  #text: string

  constructor(head: string, save: (text: string) => void) {
    this.#text = `${head}\n`
    this.#save = save
    console.log(head + '\n')
  }

  table(title: string, columns: readonly string[]): void {
    this.#add(`\n## ${title}\n\n| ${columns.join(' | ')} |\n|${columns.map(() => '---').join('|')}|\n`)
  }

  row(cells: readonly string[]): void {
    this.#add(`| ${cells.join(' | ')} |\n`)
  }

  note(text: string): void {
    this.#add(`\n${text}\n`)
  }

  #add(text: string): void {
    this.#text += text
    process.stdout.write(text)
    this.#save(this.#text)
  }
}

export const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

/** `number(12345.6) -> '12,346'`; small values keep `digits` places. */
export function number(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits })
}

/** `spread([1, 2, 9]) -> '2 (1–9)'`. */
export function spread(values: readonly number[], digits = 0): string {
  return `${number(median(values), digits)} (${number(Math.min(...values), digits)}–${number(Math.max(...values), digits)})`
}
