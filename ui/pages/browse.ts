// Reading a topic page by page: which requests show "newest", "oldest", an offset or a time, over several partitions.
import type { RecordJson, RecordsPage, TopicDetail } from '../../src/http/contract.ts'

export type Position =
  | { readonly kind: 'newest' }
  | { readonly kind: 'oldest' }
  | { readonly kind: 'live' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'time'; readonly at: string }

/** Read at once when "all partitions" is chosen; a topic with more is read partition by partition. */
export const partitionsReadMax = 32

export const limits = [50, 100, 500] as const

type Range = TopicDetail['partitionList'][number]
export type PageRequest = { readonly partition: number; readonly from: string; readonly limit: number }
/** What of one partition has been read: `[low, next)`. */
export type Span = { readonly low: number; readonly next: number }
export type Loaded = {
  readonly records: readonly RecordJson[]
  readonly spans: ReadonlyMap<number, Span>
}

export const nothingLoaded: Loaded = { records: [], spans: new Map() }

/** `newest`, `oldest`, `live`, `1234`, `2026-11-22T10:00` and back. */
export function parsePosition(text: string | null): Position {
  if (text === 'oldest' || text === 'live') return { kind: text }
  if (text !== null && /^\d+$/.test(text)) return { kind: 'offset', offset: Number(text) }
  if (text !== null && !Number.isNaN(Date.parse(text))) return { kind: 'time', at: text }
  return { kind: 'newest' }
}

export function writePosition(position: Position): string | null {
  switch (position.kind) {
    case 'newest':
      return null
    case 'offset':
      return String(position.offset)
    case 'time':
      return position.at
    default:
      return position.kind
  }
}

export function readsBackwards(position: Position): boolean {
  return position.kind === 'newest'
}

export function chooseRanges(ranges: readonly Range[], partition: number | null): readonly Range[] {
  const chosen = partition === null ? ranges : ranges.filter((range) => range.partition === partition)
  return chosen.slice(0, partitionsReadMax)
}

export function firstRequests(position: Position, ranges: readonly Range[], limit: number): PageRequest[] {
  return ranges
    .filter((range) => range.endOffset > range.startOffset)
    .map((range) => ({ partition: range.partition, from: fromOf(position, range, limit), limit }))
}

function fromOf(position: Position, range: Range, limit: number): string {
  switch (position.kind) {
    case 'oldest':
      return 'earliest'
    case 'offset':
      return String(Math.min(range.endOffset, Math.max(range.startOffset, position.offset)))
    case 'time':
      return new Date(position.at).toISOString()
    default:
      return String(Math.max(range.startOffset, range.endOffset - limit))
  }
}

/** The next page in the reading direction: `[40..60)` of a topic read backwards asks for `[20..40)`. */
export function moreRequests(
  position: Position,
  ranges: readonly Range[],
  spans: ReadonlyMap<number, Span>,
  limit: number,
): PageRequest[] {
  return ranges.flatMap((range) => {
    const span = spans.get(range.partition)
    if (!span) return []
    if (!readsBackwards(position)) {
      return span.next < range.endOffset
        ? [{ partition: range.partition, from: String(span.next), limit }]
        : []
    }
    const from = Math.max(range.startOffset, span.low - limit)
    return from < span.low ? [{ partition: range.partition, from: String(from), limit: span.low - from }] : []
  })
}

/** Adds pages to what is loaded; a record is known by its partition and offset. */
export function addPages(
  position: Position,
  loaded: Loaded,
  pages: readonly { readonly partition: number; readonly page: RecordsPage }[],
): Loaded {
  const records = new Map(loaded.records.map((record) => [recordId(record), record]))
  const spans = new Map(loaded.spans)
  for (const { partition, page } of pages) {
    for (const record of page.records) records.set(recordId(record), record)
    const offsets = page.records.map((record) => record.offset)
    const low = Math.min(page.next, ...offsets)
    const known = spans.get(partition)
    spans.set(partition, {
      low: Math.min(known?.low ?? low, low),
      next: Math.max(known?.next ?? 0, page.next),
    })
  }
  const direction = readsBackwards(position) ? -1 : 1
  const ordered = [...records.values()].sort(
    (a, b) =>
      direction *
      (a.partition === b.partition
        ? a.offset - b.offset
        : a.timestamp - b.timestamp || a.partition - b.partition),
  )
  return { records: ordered, spans }
}

export function recordId(record: Pick<RecordJson, 'partition' | 'offset'>): string {
  return `${record.partition}:${record.offset}`
}
