// A place in a partition, as users write it: `earliest`, `latest`, an offset, or a time.
import { BrokerError } from '#base'
import type { RecordsPage } from '../answers.ts'
import type { Client } from '../client.ts'
import { topicPath } from '../routes.ts'
import { UsageError } from '../usage-error.ts'

export type Place =
  | { readonly kind: 'earliest' | 'latest' }
  | { readonly kind: 'offset'; readonly offset: number }
  /** As the API takes it. */
  | { readonly kind: 'time'; readonly time: string }

/** `parsePlace('2026-01-01', '--from')`. Throws `UsageError` that names the flag. */
export function parsePlace(text: string, flag: string): Place {
  if (text === 'earliest' || text === 'latest') return { kind: text }
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text)))
    return { kind: 'offset', offset: Number(text) }
  const millis = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(millis)) return { kind: 'time', time: new Date(millis).toISOString() }
  throw new UsageError(
    `${flag} cannot be "${text}"`,
    'use earliest, latest, an offset like 1200, or a time like 2026-01-31T12:00:00Z',
  )
}

/** As the API takes it. */
export function placeText(place: Place): string {
  if (place.kind === 'offset') return String(place.offset)
  return place.kind === 'time' ? place.time : place.kind
}

export type PartitionRange = {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  readonly endOffset: number
}

/** The offset that a place means in one partition. Throws `offset_out_of_range` for one that it has not reached. */
export async function offsetAt(client: Client, range: PartitionRange, place: Place): Promise<number> {
  switch (place.kind) {
    case 'earliest':
      return range.startOffset
    case 'latest':
      return range.endOffset
    case 'offset':
      if (place.offset > range.endOffset) throw beyondEnd(range, place.offset)
      return Math.max(place.offset, range.startOffset)
    case 'time': {
      const page = await client.ask<RecordsPage>(`${topicPath(range.topic)}/records`, {
        query: { partition: range.partition, from: place.time, limit: 1 },
      })
      return page.records[0]?.offset ?? page.next
    }
  }
}

function beyondEnd(
  { topic, partition, startOffset, endOffset }: PartitionRange,
  offset: number,
): BrokerError {
  return new BrokerError(
    'offset_out_of_range',
    `partition ${partition} of ${topic} has offsets ${startOffset} to ${endOffset}, not ${offset}`,
    { fix: 'name one of them, or latest; --partition chooses one partition' },
  )
}
