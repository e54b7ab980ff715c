// Tables: the state of apps, as committed. The process of the app answers; here questions are read and bounded.
import { BrokerError } from '#base'
import type { RowAnswer, RowsWanted } from '#streams'
import { json } from '../answer.ts'
import { many, one } from '../models.ts'
import { parsePosition } from '../position.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'
import { exactly, integer, type Static, t } from '../shape.ts'

const tag = 'tables'
const rowsDefault = 100
const rowsMax = 1_000
const timeoutMsMax = 30_000
const waitForMax = 1_000

const keyQuery = exactly({
  window: t.Optional(
    t.String({ description: 'windows that begin in from..to, both included: milliseconds or ISO times' }),
  ),
  limit: t.Optional(integer(1, rowsMax, { description: `rows at most (${rowsDefault})` })),
  cursor: t.Optional(t.String({ description: '"next" of the answer before' })),
  waitFor: t.Optional(
    t.String({ description: '[topic:]partition:offset,... of the input that must be processed before' }),
  ),
  timeoutMs: t.Optional(integer(1, timeoutMsMax, { description: 'wait this long for the answer (2000)' })),
})

const rowsQuery = exactly({
  ...keyQuery.properties,
  key: t.Optional(
    t.String({ minLength: 0, description: 'this key only, which may be empty; 404 if there is none' }),
  ),
  from: t.Optional(t.String({ description: 'keys from this one on' })),
  to: t.Optional(t.String({ description: 'keys before this one' })),
  prefix: t.Optional(t.String({ description: 'keys that begin so' })),
})

export function tableRoutes({ tables }: Services): Route[] {
  return [
    route(
      {
        method: 'GET',
        path: '/api/v1/tables',
        access: 'read',
        tag,
        operation: 'listTables',
        summary: 'List tables',
        description: 'The state of every node of an app that keeps some, under <app>.<node>.',
        answers: { 200: many('Table', 'with where each stands') },
      },
      async () => json(await tables.list()),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/tables/:table',
        access: 'read',
        tag,
        operation: 'readTable',
        summary: 'Read rows of a table',
        description: 'Committed rows in the order of their keys; of windows, the oldest first.',
        query: rowsQuery,
        answers: { 200: one('TableRows', 'rows, where to go on, and how far the table has come') },
      },
      async ({ request, params, query }) => {
        const table = params['table']!
        if (new URL(request.url).pathname.endsWith('/')) throw noKey(table)
        const answer = await tables.rows(table, wantedOf(query))
        return json(query.key === undefined ? answer : found(answer, table, query.key))
      },
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/tables/:table/:key',
        access: 'read',
        tag,
        operation: 'readTableKey',
        summary: 'Look a key up in a table',
        description: 'Its row, or its rows: one for each open window, for example. 404 if there is none.',
        query: keyQuery,
        answers: { 200: one('TableRows', 'rows of the key') },
      },
      async ({ params, query }) => {
        const [table, key] = [params['table']!, params['key']!]
        return json(found(await tables.rows(table, { ...wantedOf(query), key }), table, key))
      },
    ),
  ]
}

function found(answer: RowAnswer, table: string, key: string): RowAnswer {
  if (answer.rows.length > 0) return answer
  throw new BrokerError(
    'not_found',
    `table "${table}" has no row of key ${JSON.stringify(key.slice(0, 200))}`,
    {
      fix: `GET /api/v1/tables/${table} shows the keys there are`,
    },
  )
}

/** The router takes `/x/` for `/x`; here that would answer the whole table to whoever asked for the empty key. */
function noKey(table: string): BrokerError {
  return new BrokerError('invalid_request', 'the path ends with "/" and names no key', {
    fix: `GET /api/v1/tables/${table}?key= asks for the empty key, /api/v1/tables/${table} for all rows`,
  })
}

function wantedOf({ window, waitFor, limit = rowsDefault, ...rest }: Static<typeof rowsQuery>): RowsWanted {
  return {
    ...rest,
    limit,
    ...(window === undefined ? {} : parseWindow(window)),
    ...(waitFor === undefined ? {} : { waitFor: parsePlaces(waitFor) }),
  }
}

/** `'0..60000' -> 0 to 60000`; an end may be left out. */
function parseWindow(text: string): { windowFrom?: number; windowTo?: number } {
  const [from, to, ...rest] = text.split('..')
  if (to === undefined || rest.length > 0) throw noWindow(text)
  return {
    ...(from === '' ? {} : { windowFrom: parseTime(from!, text) }),
    ...(to === '' ? {} : { windowTo: parseTime(to, text) }),
  }
}

function parseTime(part: string, text: string): number {
  if (/^-?\d{1,16}$/.test(part)) return Number(part)
  const position = parsePosition(part, 'window')
  if (position.kind !== 'time') throw noWindow(text)
  return position.time
}

function noWindow(text: string): BrokerError {
  return new BrokerError('invalid_request', `"${text.slice(0, 60)}" is no range of windows`, {
    fix: 'write from..to, for example 2026-01-31T12:00..2026-01-31T13:00, or 0..60000 in milliseconds',
    details: { parameter: 'window' },
  })
}

type Place = { readonly topic?: string; readonly partition: number; readonly offset: number }

/** `'orders:0:15,1:20'`: a topic may be left out. */
function parsePlaces(text: string): Place[] {
  const places = text.split(',').map((place): Place | null => {
    const match = /^(?:([\w.-]+):)?(\d{1,9}):(\d{1,15})$/.exec(place)
    if (match === null) return null
    const [, topic, partition, offset] = match
    return {
      partition: Number(partition),
      offset: Number(offset),
      ...(topic === undefined ? {} : { topic }),
    }
  })
  if (places.length <= waitForMax && !places.includes(null)) return places as Place[]
  throw new BrokerError('invalid_request', `"${text.slice(0, 60)}" are no positions`, {
    fix: 'write partition:offset or topic:partition:offset, with commas between: 0:1500,orders:1:1720',
    details: { parameter: 'waitFor' },
  })
}
