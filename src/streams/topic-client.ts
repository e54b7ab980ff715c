// Rows in and out of topics for a program that has the broker in its own process: the types, the key, the schema and the
// time are those of the topic handle.
import { asOffset, BrokerError, type Millis, type Offset } from '#base'
import type { Broker, ProduceRecord, TopicInfo } from '#broker'
import { readRecords, readText, readValue, writeKey, writeValue } from '#record'
import { specOf } from './describe.ts'
import { endOfBatches } from './runtime/batch-end.ts'
import { SchemaMismatch, validatorOf } from './schema/standard-schema.ts'
import { namedTopic, type SinkTopic, type TopicHandle } from './topic.ts'

export type TopicRecord<V> = {
  readonly partition: number
  readonly offset: number
  /** Milliseconds since 1970 UTC. */
  readonly timestamp: number
  readonly key: string | null
  readonly value: V
}

export type ConsumeOptions = {
  /** Where to begin: the oldest record (the default), what comes next, or the first record at or after this time. */
  readonly from?: 'earliest' | 'latest' | Date
  /** Waits for more at the end instead of ending. */
  readonly follow?: boolean
  readonly signal?: AbortSignal
}

export interface TopicClient {
  /** Creates the topic if it is missing. The rows are on disk when it resolves; all of them or none. */
  produce<V>(topic: SinkTopic<V> | string, rows: readonly V[]): Promise<void>
  /** Records in order of each partition. */
  consume<V>(topic: TopicHandle<V>, options?: ConsumeOptions): AsyncIterable<TopicRecord<V>>
  consume(topic: string, options?: ConsumeOptions): AsyncIterable<TopicRecord<unknown>>
}

const readBytesMax = 2 ** 20
/** How long one fetch waits for more; an end of the iteration is noticed at once. */
const waitMs = 10_000

export function topicClient(broker: Broker): TopicClient {
  function consume<V>(topic: TopicHandle<V>, options?: ConsumeOptions): AsyncIterable<TopicRecord<V>>
  function consume(topic: string, options?: ConsumeOptions): AsyncIterable<TopicRecord<unknown>>
  function consume<V>(topic: TopicHandle<V> | string, options: ConsumeOptions = {}) {
    return readTopic<V>(broker, typeof topic === 'string' ? topic : topic.name, options)
  }
  return {
    consume,
    async produce(topic, rows) {
      const settings = typeof topic === 'string' ? namedTopic(topic) : topic.settings
      const records = rows.map(recordWriter(settings))
      await ensureTopic(broker, settings)
      if (records.length > 0) await broker.produce(settings.name, records)
    },
  }
}

type Settings = SinkTopic<never>['settings']

function recordWriter({ name, schema, key, time }: Settings) {
  const validate = schema === undefined ? (row: unknown) => row : validatorOf(schema)
  return (row: unknown, index: number): ProduceRecord => {
    try {
      const value = validate(row)
      const at = time?.at?.(value)
      return {
        key: writeKey(key?.of(value) ?? null),
        value: writeValue(value),
        ...(at === undefined ? {} : { timestamp: at }),
      }
    } catch (error) {
      if (!(error instanceof SchemaMismatch)) throw error
      throw new BrokerError('invalid_request', `row ${index} does not fit topic "${name}": ${error.message}`)
    }
  }
}

async function ensureTopic(broker: Broker, settings: Settings): Promise<void> {
  if (broker.topics().some((topic) => topic.name === settings.name)) return
  try {
    await broker.createTopic(specOf(settings))
  } catch (error) {
    // Somebody else was quicker.
    if (!(error instanceof BrokerError) || error.code !== 'already_exists') throw error
  }
}

type Place = { readonly partition: number; next: Offset }

async function* readTopic<V>(
  broker: Broker,
  topic: string,
  options: ConsumeOptions,
): AsyncGenerator<TopicRecord<V>> {
  const places = await placesOf(broker, broker.topic(topic), options.from ?? 'earliest')
  while (!options.signal?.aborted) {
    let moved = false
    for (const place of places) {
      const from = place.next
      const records = await readSome<V>(broker, topic, place, options)
      // Also past offsets that hold no records any more.
      moved ||= place.next > from
      yield* records
    }
    if (moved) continue
    if (!options.follow) return
    await waitForMore(broker, topic, places, options.signal)
  }
}

async function placesOf(
  broker: Broker,
  { name, partitions }: TopicInfo,
  from: NonNullable<ConsumeOptions['from']>,
): Promise<Place[]> {
  return Promise.all(
    partitions.map(async ({ partition, startOffset, endOffset }) => {
      if (from === 'earliest') return { partition, next: startOffset }
      if (from === 'latest') return { partition, next: endOffset }
      return { partition, next: await broker.offsetAt(name, partition, from.getTime() as Millis) }
    }),
  )
}

async function readSome<V>(
  broker: Broker,
  topic: string,
  place: Place,
  { signal }: ConsumeOptions,
): Promise<TopicRecord<V>[]> {
  const { partition } = place
  const request = { topic, partition, from: place.next, bytesMax: readBytesMax, waitMs: 0 }
  const { batches } = await broker.fetch(signal === undefined ? request : { ...request, signal })
  const records: TopicRecord<V>[] = []
  for (const { offset, timestamp, key, value } of readRecords(batches, place.next)) {
    records.push({
      partition,
      offset,
      timestamp,
      key: readText(key).value,
      value: readValue(value).value as V,
    })
    place.next = asOffset(offset + 1)
  }
  place.next = asOffset(Math.max(place.next, endOfBatches(batches)))
  return records
}

/** Until any partition has something at its place. The other waits are ended, so that none is left behind. */
async function waitForMore(
  broker: Broker,
  topic: string,
  places: readonly Place[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const done = new AbortController()
  const either = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal])
  const waits = places.map(({ partition, next }) =>
    broker.fetch({ topic, partition, from: next, bytesMax: 1, waitMs, signal: either }),
  )
  try {
    await Promise.race(waits)
  } finally {
    done.abort()
    await Promise.allSettled(waits)
  }
}
