// Records in: a JSON list or one value a line, answered when every one of them is durable.
import type { ProduceRecord, RecordPosition } from '#broker'
import { jsonText } from '../answer.ts'
import { mediaType } from '../body.ts'
import { one } from '../models.ts'
import { parseLines, parseRecords, produceShape } from '../produced.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'
import { exactly, t } from '../shape.ts'

const lineTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'] as const

const bodyTypes = ['application/json', ...lineTypes] as const

export function produceRoutes({ broker }: Services): Route[] {
  return [
    route(
      {
        method: 'POST',
        path: '/api/v1/topics/:topic/records',
        isHot: true,
        access: 'write',
        tag: 'records',
        operation: 'produceRecords',
        summary: 'Append records',
        description:
          'All records of a request become visible together, or none. The answer comes after they are durable.',
        query: exactly({
          keyField: t.Optional(
            t.String({ description: 'field of the value that becomes the key, for example user.id' }),
          ),
        }),
        rawBodies: {
          'application/json': produceShape,
          'application/x-ndjson': t.String({ description: 'one JSON value a line, stored byte for byte' }),
        },
        answers: { 200: one('ProduceAnswer', 'where each record lies, in the order of the request') },
      },
      ({ request, params, query, limits, withBody }) => {
        const type = mediaType(request, bodyTypes)
        const name = params['topic']!
        // Before the body is read: a large body for a misspelt topic is not worth reading.
        broker.requireTopic(name)
        const options = { keyField: query.keyField, recordsMax: limits.recordsPerRequestMax }
        return withBody(async (body) => {
          const records: ProduceRecord[] =
            type === 'application/json' ? parseRecords(body, options) : parseLines(body, options)
          return jsonText(answerText(await broker.produce(name, records)))
        })
      },
    ),
  ]
}

function answerText(positions: readonly RecordPosition[]): string {
  if (positions.length === 1) {
    const { partition, offset } = positions[0]!
    return `{"count":1,"offsets":[{"partition":${partition},"offset":${offset}}]}`
  }
  const parts = positions.map(({ partition, offset }) => `{"partition":${partition},"offset":${offset}}`)
  return `{"count":${positions.length},"offsets":[${parts.join(',')}]}`
}
