// The REST API as the pages use it. Every failure arrives as an `ApiProblem` that can be shown as it is.
import type {
  AppStatus,
  AppVersion,
  CreateTopic,
  DeadLettersPage,
  DeadLetterTopic,
  Health,
  Problem,
  ProduceAnswer,
  ProduceRecordJson,
  PurgeAnswer,
  RecordsPage,
  ReplayAnswer,
  ReplayLetters,
  TableRows,
  TableSummary,
  TopicChange,
  TopicDetail,
} from '../../src/http/contract.ts'
import { recordsUrl } from '../format/record.ts'
import { askForToken, authorization } from './token.ts'

export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly code: string
  readonly fix: string | undefined
  readonly status: number

  constructor(message: string, code: string, status: number, fix?: string) {
    super(message)
    this.code = code
    this.status = status
    this.fix = fix
  }
}

export function baseUrl(): string {
  return document.baseURI
}

async function problemOf(response: Response): Promise<ApiProblem> {
  try {
    const problem = (await response.json()) as Partial<Problem>
    const text = problem.detail ?? problem.title ?? `the server answered ${response.status}`
    return new ApiProblem(text, problem.code ?? 'unknown', response.status, problem.fix)
  } catch {
    // Not a problem object: a proxy's page, or nothing.
    return new ApiProblem(
      `the server answered ${response.status} ${response.statusText}`,
      'unknown',
      response.status,
    )
  }
}

async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response
  try {
    response = await fetch(new URL(path, baseUrl()), {
      ...init,
      headers: { ...authorization(), ...init.headers },
    })
  } catch (thrown) {
    if (init.signal?.aborted) throw thrown
    throw new ApiProblem('the server cannot be reached', 'unreachable', 0, 'check that it is running')
  }
  if (response.status === 401) askForToken()
  if (!response.ok) throw await problemOf(response)
  return (response.status === 204 ? null : await response.json()) as T
}

function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  return request<T>(path, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
  })
}

function topicPath(topic: string): string {
  return `api/v1/topics/${encodeURIComponent(topic)}`
}

function dlqPath(topic: string): string {
  return `api/v1/dlq/${encodeURIComponent(topic)}`
}

type LettersRequest = { limit: number; state?: string; error?: string }

type RecordsRequest = { topic: string; partition: number; from: string; limit: number }

/** Large records make a page end early: so many answers are put together before that is shown as it is. */
const pagesMax = 16

async function readRecords(query: RecordsRequest, signal?: AbortSignal): Promise<RecordsPage> {
  const init = signal ? { signal } : {}
  let page = await request<RecordsPage>(recordsUrl(baseUrl(), query), init)
  for (let pages = 1; pages < pagesMax; pages += 1) {
    const missing = query.limit - page.records.length
    if (missing <= 0 || page.next >= page.endOffset) break
    const rest = { ...query, from: String(page.next), limit: missing }
    const next = await request<RecordsPage>(recordsUrl(baseUrl(), rest), init)
    if (next.next <= page.next) break
    page = { ...next, records: [...page.records, ...next.records] }
  }
  return page
}

export const api = {
  /** Finds out whether a token is missing; that the server is away is known already. */
  async probe(): Promise<void> {
    const response = await fetch(new URL('api/v1/config', baseUrl()), { headers: authorization() }).catch(
      () => null,
    )
    if (response?.status === 401) askForToken()
  },
  /** 503 is an answer here: the body says what is down. */
  async health(): Promise<Health> {
    const response = await fetch(new URL('health', baseUrl()), { headers: authorization() })
    if (!response.ok && response.status !== 503) throw await problemOf(response)
    return (await response.json()) as Health
  },
  appVersions: (app: string, signal: AbortSignal) =>
    request<AppVersion[]>(`api/v1/apps/${encodeURIComponent(app)}/versions`, { signal }),
  topic: (topic: string, signal?: AbortSignal) =>
    request<TopicDetail>(topicPath(topic), signal ? { signal } : {}),
  createTopic: (topic: CreateTopic) => send<TopicDetail>('POST', 'api/v1/topics', topic),
  alterTopic: (topic: string, config: TopicChange) =>
    send<TopicDetail>('PATCH', topicPath(topic), { config }),
  deleteTopic: (topic: string) => send<unknown>('DELETE', topicPath(topic)),
  records: readRecords,
  produce: (topic: string, records: readonly ProduceRecordJson[]) =>
    send<ProduceAnswer>('POST', `${topicPath(topic)}/records`, { records }),
  tables: () => request<TableSummary[]>('api/v1/tables'),
  tableRows(table: string, { limit, prefix }: { limit: number; prefix?: string }): Promise<TableRows> {
    const query = new URLSearchParams({ limit: String(limit), ...(prefix === undefined ? {} : { prefix }) })
    return request<TableRows>(`api/v1/tables/${encodeURIComponent(table)}?${query}`)
  },
  deadLetterTopics: () => request<DeadLetterTopic[]>('api/v1/dlq'),
  deadLetters(topic: string, { limit, ...filter }: LettersRequest): Promise<DeadLettersPage> {
    const query = new URLSearchParams({ ...filter, limit: String(limit) })
    return request<DeadLettersPage>(`${dlqPath(topic)}?${query}`)
  },
  replayLetters: (topic: string, letters: ReplayLetters) =>
    send<ReplayAnswer>('POST', `${dlqPath(topic)}/replay`, letters),
  purgeLetters: (topic: string) => send<PurgeAnswer>('POST', `${dlqPath(topic)}/purge`, {}),
  pauseApp: (app: string) => send<AppStatus>('POST', `api/v1/apps/${encodeURIComponent(app)}/pause`),
  resumeApp: (app: string) => send<AppStatus>('POST', `api/v1/apps/${encodeURIComponent(app)}/resume`),
}
