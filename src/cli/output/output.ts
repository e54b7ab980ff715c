// One renderer for every command: rows become a table, JSON, NDJSON, YAML, CSV or names. People's formats show columns,
// machines' formats show the node's own objects, so that their keys are those of the API.

import { withTextsForLongNumbers } from '../exact-json.ts'
import type { Format } from '../global-flags.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { harmless, type Paint } from './style.ts'
import { TableText } from './table-text.ts'

export type Column<Row> = {
  readonly title: string
  /** What CSV shows, and the table unless `show` is given. */
  of(row: Row): unknown
  /** For people: `12.3 MB` where CSV has bytes. */
  show?(row: Row): string
  readonly right?: boolean
  /** Only with `-o wide`. */
  readonly wide?: boolean
  /** Least width of a column whose rows arrive one by one. */
  readonly width?: number
}

export type View<Row> = {
  readonly columns: readonly Column<Row>[]
  name(row: Row): string
  /** Fields that `--fields` may name although no column shows them. Absent: those of the first row. */
  readonly fields?: readonly string[]
  /** What machines get; the row itself unless given. */
  data?(row: Row): object
  /** That data as JSON text on one line, where writing it again would lose something. */
  json?(row: Row): string
  /** The same for one of its fields. */
  fieldJson?(row: Row, field: string): string | undefined
}

export type OutputOptions = {
  readonly terminal: Terminal
  readonly format: Format
  readonly fields: readonly string[] | undefined
  readonly headers: boolean
  readonly paint: Paint
}

export class Output {
  readonly format: Format
  readonly #options: OutputOptions

  constructor(options: OutputOptions) {
    this.#options = options
    this.format = options.format
  }

  /** Whether a person reads it: notes and sentences belong there only. */
  get forPeople(): boolean {
    return this.format === 'table' || this.format === 'wide'
  }

  async list<Row extends object>(rows: readonly Row[], view: View<Row>): Promise<void> {
    const stream = this.stream(view)
    await stream.write(rows)
    await stream.end()
  }

  /** Rows that arrive little by little. */
  stream<Row extends object>(view: View<Row>): RowStream<Row> {
    const { fields } = this.#options
    if (view.fields) checkFields(fields, view)
    return new RowStream(view, this.#options)
  }

  /** One object: for people a column of fields, then whatever `more` says; its JSON for machines. */
  async one<Row extends object>(row: Row, view: View<Row>, more = ''): Promise<void> {
    checkFields(this.#options.fields, view, row)
    if (!this.forPeople) return await this.#object(row, view)
    const { paint, terminal } = this.#options
    const columns = withFields(view, this.#options.fields, 'wide').columns
    const width = Math.max(...columns.map((column) => column.title.length))
    const lines = columns.map(
      (column) => `${paint.dim(column.title.padEnd(width))}  ${cellText(column, row)}\n`,
    )
    await terminal.out(lines.join('') + more)
  }

  /** What a command did, as a sentence for people and as the node's answer for machines. */
  async done<Row extends object>(answer: Row, name: string, sentence: string): Promise<void> {
    if (this.forPeople) return await this.#options.terminal.out(`${sentence}\n`)
    // Too late to refuse a field: what was asked for is done.
    await this.#object(answer, { columns: [], name: () => name, fields: this.#options.fields ?? [] })
  }

  /** Text as it is: a file, a script, a graph. */
  text(text: string): Promise<void> {
    return this.#options.terminal.out(text)
  }

  /** A table for people inside a larger description. */
  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
    return tableOf(columns, this.#options).text(
      rows.map((row) => columns.map((column) => cellText(column, row))),
    )
  }

  async #object<Row extends object>(row: Row, view: View<Row>): Promise<void> {
    const { format, fields, terminal } = this.#options
    const shown = project(row, view, fields)
    if (format === 'json') return await terminal.out(`${JSON.stringify(shown, null, 2)}\n`)
    if (format === 'jsonl') return await terminal.out(`${withLineMarksEscaped(JSON.stringify(shown))}\n`)
    if (format === 'yaml') return await terminal.out(`${yamlText(shown)}\n`)
    if (format === 'name') return await terminal.out(`${view.name(row)}\n`)
    const columns = view.columns.length > 0 ? view.columns : columnsOf<Row>(Object.keys(row))
    await this.list([row], { ...view, columns })
  }
}

/** Rows on their way out. `end` closes what a format must close. */
export class RowStream<Row extends object> {
  /** With all its columns. */
  readonly #known: View<Row>
  /** With those that are shown. */
  readonly #view: View<Row>
  readonly #options: OutputOptions
  readonly #table: TableText
  #count = 0

  constructor(view: View<Row>, options: OutputOptions) {
    this.#known = view
    this.#view = withFields(view, options.fields, options.format)
    this.#options = options
    this.#table = tableOf(this.#view.columns, options)
  }

  async write(rows: readonly Row[]): Promise<void> {
    const [first] = rows
    if (!first) return
    if (this.#count === 0) checkFields(this.#options.fields, this.#known, first)
    await this.#options.terminal.out(this.#text(rows))
    this.#count += rows.length
  }

  async end(): Promise<void> {
    const { terminal, format, headers } = this.#options
    if (format === 'json') return await terminal.out(this.#count === 0 ? '[]\n' : '\n]\n')
    if (format === 'yaml' && this.#count === 0) return await terminal.out('[]\n')
    if (this.#count > 0 || !headers) return
    if (format === 'csv') await terminal.out(this.#csvHeader())
    if (format === 'table' || format === 'wide') await terminal.out(this.#table.text([]))
  }

  #text(rows: readonly Row[]): string {
    const { fields, headers } = this.#options
    const { columns } = this.#view
    const objects = () => rows.map((row) => project(row, this.#view, fields))
    switch (this.#options.format) {
      case 'json':
        return (this.#count === 0 ? '[\n  ' : ',\n  ') + rows.map((row) => this.#json(row)).join(',\n  ')
      case 'jsonl':
        return rows.map((row) => `${withLineMarksEscaped(this.#jsonLine(row))}\n`).join('')
      case 'yaml':
        return `${yamlText(objects())}\n`
      case 'name':
        return rows.map((row) => `${harmless(this.#view.name(row))}\n`).join('')
      case 'csv':
        return (
          (this.#count === 0 && headers ? this.#csvHeader() : '') +
          rows.map((row) => csvLine(columns.map((column) => column.of(row)))).join('')
        )
      case 'table':
      case 'wide':
        return this.#table.text(rows.map((row) => columns.map((column) => cellText(column, row))))
    }
  }

  #json(row: Row): string {
    if (this.#view.json) return this.#jsonLine(row)
    return JSON.stringify(project(row, this.#view, this.#options.fields), null, 2).replaceAll('\n', '\n  ')
  }

  #jsonLine(row: Row): string {
    const { fields } = this.#options
    const { json, fieldJson } = this.#view
    if (!json) return JSON.stringify(project(row, this.#view, fields))
    if (!fields) return json(row)
    const pairs = [...new Set(fields)].map((field) => {
      const text = fieldJson?.(row, field) ?? JSON.stringify(pick(row, this.#view, field))
      return `${JSON.stringify(field)}:${text}`
    })
    return `{${pairs.join(',')}}`
  }

  #csvHeader(): string {
    return csvLine(this.#view.columns.map((column) => column.title))
  }
}

function tableOf<Row>(
  columns: readonly Column<Row>[],
  { terminal, headers, paint }: OutputOptions,
): TableText {
  return new TableText({
    columns,
    headers,
    paint,
    widthMax: terminal.outputIsTerminal ? terminal.columns : null,
  })
}

/** A misspelt field would be an empty column for ever. Below a known field anything may lie. */
function checkFields<Row extends object>(
  fields: readonly string[] | undefined,
  view: View<Row>,
  row?: Row,
): void {
  const inRow = row ? Object.keys(view.data?.(row) ?? row) : []
  const known = [...new Set([...view.columns.map(({ title }) => title), ...(view.fields ?? []), ...inRow])]
  const unknown = fields?.find((field) => !known.includes(field) && !known.includes(field.split('.')[0]!))
  if (unknown === undefined) return
  throw new UsageError(`there is no field "${unknown}"`, `known: ${known.join(', ')}`)
}

/** The columns to show: those asked for by `--fields`, else all that the format has room for. */
function withFields<Row extends object>(
  view: View<Row>,
  fields: readonly string[] | undefined,
  format: Format,
): View<Row> {
  if (!fields) return { ...view, columns: view.columns.filter((column) => format === 'wide' || !column.wide) }
  const columns = fields.map(
    (field): Column<Row> =>
      view.columns.find((column) => column.title === field) ?? {
        title: field,
        of: (row) => at(view.data?.(row) ?? row, field),
      },
  )
  return { ...view, columns }
}

const columnsOf = <Row>(titles: readonly string[]): Column<Row>[] =>
  titles.map((title) => ({ title, of: (row) => at(row, title) }))

function project<Row extends object>(
  row: Row,
  view: View<Row>,
  fields: readonly string[] | undefined,
): unknown {
  if (!fields) return view.data?.(row) ?? row
  return Object.fromEntries(fields.map((field) => [field, pick(row, view, field)]))
}

function pick<Row extends object>(row: Row, view: View<Row>, field: string): unknown {
  const data = view.data?.(row) ?? row
  return at(data, field) ?? view.columns.find((column) => column.title === field)?.of(row) ?? null
}

/** `at({ window: { start: 5 } }, 'window.start') -> 5` */
export function at(row: unknown, path: string): unknown {
  let value = row
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

function cellText<Row>(column: Column<Row>, row: Row): string {
  return harmless(column.show ? column.show(row) : plainText(column.of(row)))
}

function plainText(value: unknown): string {
  if (value === null || value === undefined) return '-'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const yamlText = (value: unknown) => Bun.YAML.stringify(withTextsForLongNumbers(value), null, 2)

/** Some readers of lines take these two for line ends; inside JSON they can only stand in a string. */
const withLineMarksEscaped = (json: string) =>
  json.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')

function csvLine(values: readonly unknown[]): string {
  const cells = values.map((value) => {
    const given = value === null || value === undefined ? '' : plainText(value)
    // Line ends are data and may stand in quotes; nothing else may move a cursor.
    const text = given
      .split('\r\n')
      .map((line) => harmless(line, true))
      .join('\r\n')
    return text !== given || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  })
  return `${cells.join(',')}\n`
}
