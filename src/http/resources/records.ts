// Records out: a page, a long poll or a stream of lines; and the deletion of old ones.
import { BrokerError, type Offset } from '#base'
import type { PartitionInfo, TopicInfo } from '#broker'
import { json, jsonText, ndjson } from '../answer.ts'
import { one } from '../models.ts'
import { choosePartition, parsePosition, resolvePosition } from '../position.ts'
import { readPage, streamLines } from '../record-pages.ts'
import { type Call, type Route, route } from '../route.ts'
import type { Services } from '../services.ts'
import { exactly, integer, type Static, t } from '../shape.ts'

const tag = 'records'
const lines = 'application/x-ndjson'
const pageRecordsDefault = 100
const position = 'earliest, latest, an offset or an ISO time'

const readQuery = exactly({
  partition: t.Optional(integer(0, 2 ** 31 - 1, { description: 'may be left out when there is only one' })),
  from: t.Optional(t.String({ description: `${position} (earliest)` })),
  limit: t.Optional(integer(1, undefined, { description: 'records at most (100; lines have no limit)' })),
  waitMs: t.Optional(integer(0, 86_400_000, { description: 'wait this long for the first record (0)' })),
  follow: t.Optional(t.Boolean({ description: 'lines only: do not end, send what comes (false)' })),
})

export function recordRoutes({ broker }: Services): Route[] {
  return [
    route(
      {
        method: 'GET',
        path: '/api/v1/topics/:topic/records',
        access: 'read',
        tag,
        operation: 'readRecords',
        summary: 'Read records of one partition',
        description: `A page as JSON; with "Accept: ${lines}" one record a line, to the end as it is now.`,
        query: readQuery,
        answers: {
          200: {
            ...one('RecordsPage', 'records, and where to go on'),
            mediaTypes: ['application/json', lines],
          },
        },
      },
      async (call) => {
        const { params, query, request } = call
        const topic = broker.topic(params['topic']!)
        const partition = choosePartition(topic, query.partition)
        const from = await resolvePosition(
          broker,
          topic.name,
          partition,
          parsePosition(query.from ?? 'earliest', 'from'),
        )
        const wantsLines = request.headers.get('accept')?.includes(lines) ?? false
        if (wantsLines) return answerLines(call, { topic, partition, from })
        if (query.follow !== undefined) {
          throw new BrokerError('invalid_request', 'follow needs an answer in lines', {
            fix: `send the header "Accept: ${lines}", or poll with waitMs`,
          })
        }
        return answerPage(call, { topic, partition, from })
      },
    ),
    route(
      {
        method: 'DELETE',
        path: '/api/v1/topics/:topic/records',
        access: 'write',
        tag,
        operation: 'truncateRecords',
        summary: 'Delete old records',
        description: 'Deletes whole segments that lie before the position; the answer says what is left.',
        query: exactly({
          before: t.Optional(t.String({ description: `${position}; required` })),
          partition: t.Optional(integer(0, 2 ** 31 - 1, { description: 'all when left out' })),
        }),
        answers: { 200: one('TruncateAnswer', 'what each partition holds now') },
      },
      async ({ params, query }) =>
        json({ partitions: await truncate(broker.topic(params['topic']!), query) }),
    ),
  ]

  type Reading = { readonly topic: TopicInfo; readonly partition: PartitionInfo; readonly from: Offset }
  type ReadCall = Call<Static<typeof readQuery>>

  async function answerPage({ query, limits, wait }: ReadCall, { topic, partition, from }: Reading) {
    const waitMs = Math.min(query.waitMs ?? 0, limits.waitMsMax)
    const limit = Math.min(query.limit ?? pageRecordsDefault, limits.pageRecordsMax)
    const page = { topic: topic.name, partition: partition.partition, from, limit, waitMs }
    if (waitMs === 0) return jsonText(await readPage(broker, page, limits))
    const { signal, done } = wait()
    try {
      return jsonText(await readPage(broker, { ...page, signal }, limits))
    } finally {
      done()
    }
  }

  function answerLines(
    { request, query, limits, wait, report }: ReadCall,
    { topic, partition, from }: Reading,
  ) {
    if (query.waitMs !== undefined) {
      throw new BrokerError('invalid_request', 'waitMs is for pages', {
        fix: 'use follow=true to be sent new records as lines',
      })
    }
    // A HEAD request is answered like a GET, and nobody would read the stream.
    if (request.method === 'HEAD') return ndjson(null)
    const until = query.follow ? null : partition.endOffset
    const { signal, done } = wait()
    const limit = query.limit ?? Number.POSITIVE_INFINITY
    const source = {
      topic: topic.name,
      partition: partition.partition,
      from,
      until,
      limit,
      signal,
      done,
      report,
    }
    return ndjson(streamLines(broker, source, limits))
  }

  async function truncate(topic: TopicInfo, query: { before?: string; partition?: number }) {
    if (query.before === undefined) {
      throw new BrokerError('invalid_request', 'query parameter "before" is missing', {
        fix: `give ${position}; records before it are deleted`,
      })
    }
    const before = parsePosition(query.before, 'before')
    const wantsAll = query.partition === undefined && before.kind !== 'offset'
    const partitions = wantsAll ? topic.partitions : [choosePartition(topic, query.partition)]
    // Every position is known before the first record goes.
    const bounds: { partition: number; offset: Offset }[] = []
    for (const one of partitions) {
      bounds.push({
        partition: one.partition,
        offset: await resolvePosition(broker, topic.name, one, before),
      })
    }
    for (const { partition, offset } of bounds) await broker.truncateTopic(topic.name, partition, offset)
    return broker
      .topic(topic.name)
      .partitions.filter(({ partition }) => bounds.some((bound) => bound.partition === partition))
      .map(({ partition, startOffset, endOffset }) => ({ partition, startOffset, endOffset }))
  }
}
