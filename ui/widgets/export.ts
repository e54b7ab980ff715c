// A widget's data as CSV, and the lines that embed it elsewhere.
import type { WidgetData, WidgetSpec } from '../../src/http/contract.ts'
import { alignSeries } from '../chart/align.ts'
import { fieldOf } from './value.ts'

/** Quoted where needed; a text that a spreadsheet would run as a formula is disarmed. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return String(value)
  const plain = typeof value === 'string' ? value : JSON.stringify(value)
  const text = /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function csvOf(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return [head, ...rows].map((row) => row.map(csvCell).join(',')).join('\n')
}

function isoTime(at: number): string | number {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : at
}

export function csvOfWidget(spec: WidgetSpec, data: WidgetData): string {
  switch (data.kind) {
    case 'stat':
      return csvOf(
        ['title', 'value', 'previous', 'at'],
        [[spec.title, data.value, data.previous, data.at === null ? null : isoTime(data.at)]],
      )
    case 'bars':
      return csvOf(
        ['key', 'value'],
        data.bars.map((bar) => [bar.key, bar.value]),
      )
    case 'rows': {
      const fields = spec.columns?.map((column) => column.field) ?? Object.keys(data.rows[0]?.row ?? {})
      return csvOf(
        fields,
        data.rows.map(({ row }) => fields.map((field) => fieldOf(row, field))),
      )
    }
    case 'series': {
      const { x, ys } = alignSeries(data.series, null)
      return csvOf(
        ['time', ...data.series.map((series) => series.name)],
        x.map((at, row) => [isoTime(at), ...ys.map((column) => column[row])]),
      )
    }
  }
}

function attribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}

export function embedOf(base: string, path: string, title: string, heightPx: number): string {
  const source = attribute(new URL(path, base).href)
  return `<iframe src="${source}" title="${attribute(title)}" width="100%" height="${heightPx}" loading="lazy"></iframe>`
}
