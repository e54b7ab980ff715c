// Dead letters: what they are and why, sent again, purged.
import type { ListedLetter } from '#streams'
import { json, jsonText } from '../answer.ts'
import { many, one, purgeLetters, replayLetters } from '../models.ts'
import { recordText } from '../record-json.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'
import { exactly, integer, oneOf, t } from '../shape.ts'

const tag = 'dead letters'
const pageLettersDefault = 50
const pageLettersMax = 1_000

const pageQuery = exactly({
  limit: t.Optional(integer(1, pageLettersMax, { description: `letters at most (${pageLettersDefault})` })),
  before: t.Optional(t.String({ description: '"next" of the page before; default: the newest letters' })),
  node: t.Optional(t.String({ description: 'only of this node' })),
  error: t.Optional(t.String({ description: 'only with this in the text of the error' })),
  state: t.Optional(oneOf(['waiting', 'replayed'])),
})

export function deadLetterRoutes({ deadLetters }: Services): Route[] {
  return [
    route(
      {
        method: 'GET',
        path: '/api/v1/dlq',
        access: 'read',
        tag,
        operation: 'listDeadLetterTopics',
        summary: 'List topics of dead letters',
        answers: { 200: many('DeadLetterTopic', 'how many letters, how many wait, and their newest causes') },
      },
      async () => json(await deadLetters.topics()),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/dlq/:topic',
        access: 'read',
        tag,
        operation: 'readDeadLetters',
        summary: 'Read dead letters, the newest first',
        description: 'With filters a page may hold few letters or none, and still have a "next".',
        query: pageQuery,
        answers: { 200: one('DeadLettersPage', 'letters, and where to go on') },
      },
      async ({ params, query }) => {
        const { limit = pageLettersDefault, ...rest } = query
        const page = await deadLetters.page(params['topic']!, { ...rest, limit })
        return jsonText(`{"letters":[${page.letters.map(letterText)}],"next":${JSON.stringify(page.next)}}`)
      },
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/dlq/:topic/replay',
        access: 'write',
        tag,
        operation: 'replayDeadLetters',
        summary: 'Send dead letters again',
        description:
          'Appends the records of letters that wait to the topics they came from. A letter is sent once, however often it is asked for: repeat the call after a failure, or while it answers "more".',
        body: replayLetters,
        answers: { 200: one('ReplayAnswer', 'what was sent, and what was not') },
      },
      async ({ params, body }) => json(await deadLetters.replay(params['topic']!, body)),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/dlq/:topic/purge',
        access: 'write',
        tag,
        operation: 'purgeDeadLetters',
        summary: 'Purge dead letters',
        description: 'Forgets every letter that there is now. Their records are not sent again.',
        body: purgeLetters,
        answers: { 200: one('PurgeAnswer', 'how many letters went') },
      },
      async ({ params, body }) => json(await deadLetters.purge(params['topic']!, body)),
    ),
  ]
}

/** The record inside is written as the record routes write it: stored JSON byte for byte. */
function letterText({ letter, partition, state, ...stored }: ListedLetter): string {
  const { topic, partition: from = 0, offset = 0, timestamp, ...reason } = letter ?? noLetter
  const about = JSON.stringify({ partition, offset: stored.offset, state, ...reason, topic })
  const record = recordText({ ...stored, partition: from, offset, timestamp: timestamp || stored.timestamp })
  return `${about.slice(0, -1)},"record":${record}}`
}

/** Of a record that is no dead letter. */
const noLetter = {
  app: '',
  task: '',
  node: '',
  stage: 'read',
  kind: 'none',
  topic: '',
  partition: 0,
  offset: 0,
  timestamp: 0,
  error: '',
  stack: '',
  attempts: 0,
}
