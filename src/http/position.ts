// Where to read from, as people write it: `earliest`, `latest`, an offset or a time.
import { asMillis, asOffset, BrokerError, type Millis, type Offset } from '#base'
import type { Broker, PartitionInfo, TopicInfo } from '#broker'

export type Position =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'offset'; readonly offset: Offset }
  | { readonly kind: 'time'; readonly time: Millis }

const timePattern = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/i

/** `parsePosition('42') -> offset 42`; a time without a zone is UTC. `name` is the parameter, for the error. */
export function parsePosition(text: string, name: string): Position {
  if (text === 'earliest' || text === 'latest') return { kind: text }
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) {
    return { kind: 'offset', offset: asOffset(Number(text)) }
  }
  const match = timePattern.exec(text)
  if (match) {
    const hasZone = match[1] !== undefined || text.length === 10
    const time = Date.parse(hasZone ? text : `${text}Z`)
    if (Number.isFinite(time)) return { kind: 'time', time: asMillis(time) }
  }
  throw new BrokerError('invalid_request', `"${text.slice(0, 60)}" is no position for "${name}"`, {
    fix: 'use earliest, latest, an offset such as 42, or a time such as 2026-01-31T12:00:00Z',
    details: { parameter: name },
  })
}

/** The offset of a position in one partition. An offset outside what is stored is `offset_out_of_range`. */
export async function resolvePosition(
  broker: Broker,
  topic: string,
  partition: PartitionInfo,
  position: Position,
): Promise<Offset> {
  switch (position.kind) {
    case 'earliest':
      return partition.startOffset
    case 'latest':
      return partition.endOffset
    case 'time':
      return broker.offsetAt(topic, partition.partition, position.time)
    case 'offset':
      return checkOffset(topic, partition, position.offset)
  }
}

function checkOffset(topic: string, partition: PartitionInfo, offset: Offset): Offset {
  const { startOffset, endOffset } = partition
  if (offset >= startOffset && offset <= endOffset) return offset
  const where = `partition ${partition.partition} of topic "${topic}"`
  throw new BrokerError(
    'offset_out_of_range',
    `${where} holds offsets ${startOffset} to ${endOffset}, not ${offset}`,
    {
      fix: 'use from=earliest or from=latest, or an offset in that range',
      details: { partition: partition.partition, startOffset, endOffset },
    },
  )
}

/** The partition asked for; the only one if none was. */
export function choosePartition(topic: TopicInfo, asked: number | undefined): PartitionInfo {
  const count = topic.partitions.length
  const chosen = topic.partitions[asked ?? 0]
  if (asked === undefined && count > 1) {
    throw new BrokerError('invalid_request', `topic "${topic.name}" has ${count} partitions; say which one`, {
      fix: `add partition=0 (to ${count - 1})`,
      details: { partitions: count },
    })
  }
  if (chosen === undefined) {
    throw new BrokerError('not_found', `topic "${topic.name}" has no partition ${asked}`, {
      fix: `its partitions are 0 to ${count - 1}`,
      details: { partitions: count },
    })
  }
  return chosen
}
