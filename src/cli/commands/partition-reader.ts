// Reads one partition page by page, and several partitions as one stream in the order of their timestamps.
import type { Client } from '../client.ts'
import { parseRecordsPage, type RecordRow, type RowsPage } from '../record-texts.ts'
import { topicPath } from '../routes.ts'

export type PartitionReaderOptions = {
  readonly client: Client
  readonly topic: string
  readonly partition: number
  /** As the API takes it: `earliest`, `latest`, an offset or a time. */
  readonly from: string
  /** Reading ends here; null follows. */
  readonly end: number | null
}

export class PartitionReader {
  readonly partition: number
  readonly #options: PartitionReaderOptions
  #from: string
  #ended = false

  constructor(options: PartitionReaderOptions) {
    this.#options = options
    this.partition = options.partition
    this.#from = options.from
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The next records; none when they ended or, with a wait, when none came in time. */
  async read(ask: { limit: number; waitMs?: number; signal?: AbortSignal }): Promise<readonly RecordRow[]> {
    const { client, topic, partition, end } = this.#options
    const page = await client.ask<RowsPage>(`${topicPath(topic)}/records`, {
      query: { partition, from: this.#from, limit: ask.limit, waitMs: ask.waitMs },
      waitMs: ask.waitMs ?? 0,
      read: parseRecordsPage,
      ...(ask.signal ? { signal: ask.signal } : {}),
    })
    const next = String(page.next)
    // Nothing and no way on: whatever the reason, asking again would never end.
    const stuck = page.rows.length === 0 && next === this.#from
    this.#from = next
    this.#ended = end !== null && (page.next >= end || stuck)
    return end === null ? page.rows : page.rows.filter(({ record }) => record.offset < end)
  }
}

/** Whole pages of one partition; of several, pages merged by timestamp. A partition's own order is never changed. */
export async function* readMerged(
  readers: readonly PartitionReader[],
  pageRecords: number,
): AsyncGenerator<readonly RecordRow[]> {
  const [only] = readers
  if (only && readers.length === 1) {
    while (!only.ended) yield await only.read({ limit: pageRecords })
    return
  }
  const heads: Head[] = readers.map((reader) => ({ reader, page: [], index: 0 }))
  for (;;) {
    await Promise.all(heads.map((head) => fill(head, pageRecords)))
    const open = heads.filter((head) => head.index < head.page.length)
    if (open.length === 0) return
    const merged: RecordRow[] = []
    // Until some partition's page runs out while it has more: then its next record is not known yet.
    while (heads.every((head) => head.index < head.page.length || head.reader.ended)) {
      const first = earliest(heads)
      if (!first) break
      merged.push(first.page[first.index++]!)
    }
    yield merged
  }
}

type Head = { readonly reader: PartitionReader; page: readonly RecordRow[]; index: number }

async function fill(head: Head, limit: number): Promise<void> {
  while (head.index >= head.page.length && !head.reader.ended) {
    head.page = await head.reader.read({ limit })
    head.index = 0
  }
}

function earliest(heads: readonly Head[]): Head | null {
  let best: Head | null = null
  let bestTime = 0
  for (const head of heads) {
    const row = head.page[head.index]
    if (!row || (best !== null && row.record.timestamp >= bestTime)) continue
    best = head
    bestTime = row.record.timestamp
  }
  return best
}
