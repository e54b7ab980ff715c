// Talks to a node over HTTP. Every failure, of the network or of the node, becomes a BrokerError with the node's words.
import { BrokerError, type ErrorCode, systemCode, toError } from '#base'
import type { Problem } from './answers.ts'
import { parseExact } from './exact-json.ts'
import { isErrorCode } from './exit-codes.ts'
import { NodeFailure } from './node-failure.ts'
import { UsageError } from './usage-error.ts'

export type ClientOptions = {
  readonly url: string
  readonly token?: string | undefined
  readonly timeoutMs: number
  /** Ends every request. */
  readonly signal: AbortSignal
}

export type Query = Readonly<Record<string, string | number | undefined>>

export type Ask = {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly query?: Query
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as NDJSON lines. */
  readonly lines?: Uint8Array<ArrayBuffer>
  /** Long polls wait this much longer than the time-out. */
  readonly waitMs?: number
  readonly signal?: AbortSignal
  /** A Ctrl-C waits for the answer: a write whose fate nobody knows is worse than a short wait. */
  readonly toItsEnd?: boolean
  /** A status that is an answer here, not a failure: 503 of `/health`. */
  readonly alsoGood?: number
  /** How the answer's text is read; `parseExact` unless given. Throws when it is no JSON. */
  readonly read?: (text: string) => unknown
}

export class Client {
  readonly url: string
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
    this.url = options.url.replace(/\/+$/, '')
    if (!/^https?:\/\/[^/]/.test(this.url) || !URL.canParse(this.url)) {
      throw new UsageError(
        `"${options.url}" is not the address of a node`,
        'write it like http://127.0.0.1:7070',
      )
    }
  }

  /** `path` starts with a slash, its parts already encoded. */
  async ask<Answer>(path: string, ask: Ask = {}): Promise<Answer> {
    const response = await this.#fetch(path, ask)
    if (!response.ok && !isAlsoGood(response, ask.alsoGood)) throw await failureOf(response, this.url)
    if (response.status === 204) return undefined as Answer
    try {
      return (ask.read ?? parseExact)(await response.text()) as Answer
    } catch (thrown) {
      this.#options.signal.throwIfAborted()
      ask.signal?.throwIfAborted()
      throw new BrokerError('unreachable', `${this.url} answered something that is not JSON`, {
        fix: 'check that --url names a pspf node, not something in front of it',
        cause: thrown,
      })
    }
  }

  async #fetch(path: string, ask: Ask): Promise<Response> {
    const { timeoutMs, token, signal } = this.#options
    const limitMs = timeoutMs + (ask.waitMs ?? 0)
    const timeout = AbortSignal.timeout(limitMs)
    const headers = new Headers({ accept: 'application/json' })
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    if (ask.json !== undefined) headers.set('content-type', 'application/json')
    if (ask.lines !== undefined) headers.set('content-type', 'application/x-ndjson')
    const body = ask.lines ?? (ask.json === undefined ? null : JSON.stringify(ask.json))
    const ends = [timeout, ...(ask.toItsEnd ? [] : [signal]), ...(ask.signal ? [ask.signal] : [])]
    try {
      return await fetch(this.url + path + queryText(ask.query), {
        method: ask.method ?? 'GET',
        headers,
        body,
        redirect: 'error',
        signal: AbortSignal.any(ends),
      })
    } catch (thrown) {
      if (!ask.toItsEnd) signal.throwIfAborted()
      ask.signal?.throwIfAborted()
      if (timeout.aborted) {
        throw new BrokerError('timeout', `${this.url} did not answer within ${limitMs} ms`, {
          fix: 'look at pspfctl status, or allow more with --timeout',
          cause: thrown,
        })
      }
      const why = systemCode(thrown) ?? toError(thrown).message
      throw new BrokerError('unreachable', `no pspf node answers at ${this.url} (${why})`, {
        fix: 'start one with "pspf serve", or name another with --url or PSPF_URL',
        cause: thrown,
      })
    }
  }
}

/** A problem is a failure whatever its status. */
function isAlsoGood(response: Response, status: number | undefined): boolean {
  return response.status === status && !response.headers.get('content-type')?.includes('problem')
}

function queryText(query: Query | undefined): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined)
  return given.length === 0
    ? ''
    : `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`
}

const codeOfStatus: Record<number, ErrorCode> = {
  400: 'invalid_request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'too_large',
  415: 'unsupported_media_type',
  422: 'invalid_request',
  429: 'busy',
  503: 'closed',
}

async function failureOf(response: Response, url: string): Promise<Error> {
  const problem = await problemIn(response)
  const code = isErrorCode(problem?.code) ? problem.code : codeOfStatus[response.status]
  const words = problem
    ? problem.detail || problem.title
    : `${url} answered ${response.status} ${response.statusText}`.trim()
  if (!code)
    return new NodeFailure(words, problem?.fix ?? 'check that --url names a pspf node, and look at its log')
  const fix =
    problem?.fix ??
    (code === 'unauthenticated' ? 'give the token with --token-file or PSPF_TOKEN' : undefined)
  return new BrokerError(code, words, {
    retriable: problem?.retriable === true,
    ...(fix === undefined ? {} : { fix }),
  })
}

async function problemIn(response: Response): Promise<Problem | null> {
  if (!/\bjson\b/.test(response.headers.get('content-type') ?? '')) return null
  try {
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null && ('detail' in body || 'title' in body)
      ? (body as Problem)
      : null
  } catch {
    // The status says enough.
    return null
  }
}
