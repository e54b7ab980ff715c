// The REST API as the pages use it. Every failure arrives as an `ApiProblem` that can be shown as it is.
import type {
  AppStatus,
  Health,
  Problem,
  ProduceAnswer,
  RecordsPage,
  TopicDetail,
  TopicSummary,
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

export type NewTopic = {
  name: string
  partitions: number
  config: { retentionMs: number | null; retentionBytes?: number | null; compression?: string }
}

export type NewRecord = {
  key?: unknown
  value: unknown
  headers?: Record<string, string>
  partition?: number
}

export const api = {
  /** 503 is an answer here: the body says what is down. */
  async health(): Promise<Health> {
    const response = await fetch(new URL('health', baseUrl()), { headers: authorization() })
    if (!response.ok && response.status !== 503) throw await problemOf(response)
    return (await response.json()) as Health
  },
  topic: (topic: string, signal?: AbortSignal) =>
    request<TopicDetail>(topicPath(topic), signal ? { signal } : {}),
  createTopic: (topic: NewTopic) => send<TopicSummary>('POST', 'api/v1/topics', topic),
  alterTopic: (topic: string, config: Partial<NewTopic['config']>) =>
    send<TopicSummary>('PATCH', topicPath(topic), { config }),
  deleteTopic: (topic: string) => send<unknown>('DELETE', topicPath(topic)),
  records: (query: { topic: string; partition: number; from: string; limit: number }, signal?: AbortSignal) =>
    request<RecordsPage>(recordsUrl(baseUrl(), query), signal ? { signal } : {}),
  produce: (topic: string, records: readonly NewRecord[]) =>
    send<ProduceAnswer>('POST', `${topicPath(topic)}/records`, { records }),
  pauseApp: (app: string) => send<AppStatus>('POST', `api/v1/apps/${encodeURIComponent(app)}/pause`),
  resumeApp: (app: string) => send<AppStatus>('POST', `api/v1/apps/${encodeURIComponent(app)}/resume`),
}
