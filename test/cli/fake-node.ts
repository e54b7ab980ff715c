// A node over HTTP that keeps records in memory: as much of the real routes as the commands use.
import type { Problem, RecordJson, TopicDetail } from '../../src/http/contract.ts'

export type Seen = {
  method: string
  path: string
  query: Record<string, string>
  body: string
  headers: Headers
}

const json = (value: unknown, status = 200) => Response.json(value, { status })

export function problem(status: number, code: string, detail: string, fix?: string): Response {
  const body: Problem = {
    type: `urn:${code}`,
    title: 'title',
    status,
    detail,
    code,
    retriable: false,
    ...(fix ? { fix } : {}),
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  })
}

export class FakeNode {
  readonly requests: Seen[] = []
  readonly topics = new Map<string, RecordJson[][]>()
  /** Answers instead of the fake, when it answers. */
  override: ((seen: Seen) => Response | undefined | Promise<Response | undefined>) | undefined
  readonly #waiting = new Set<() => void>()
  readonly #server: Bun.Server<undefined>

  constructor() {
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      idleTimeout: 0,
      fetch: (request) => this.#answer(request),
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  async stop(): Promise<void> {
    await this.#server.stop(true)
  }

  topic(name: string, partitions: readonly (readonly unknown[])[] = [[]]): void {
    this.topics.set(
      name,
      partitions.map((values, partition) =>
        values.map((value, offset) => recordJson(partition, offset, value)),
      ),
    )
  }

  /** Appends, as another producer would. */
  append(topic: string, partition: number, value: unknown): void {
    const records = this.topics.get(topic)![partition]!
    records.push(recordJson(partition, records.length, value))
    for (const wake of this.#waiting) wake()
  }

  values(topic: string): unknown[] {
    return this.topics.get(topic)!.flatMap((records) => records.map(({ value }) => value))
  }

  get asked(): string[] {
    return this.requests.map(({ method, path, query }) => {
      const text = new URLSearchParams(query).toString()
      return `${method} ${path}${text ? `?${text}` : ''}`
    })
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const seen: Seen = {
      method: request.method,
      path: decodeURIComponent(url.pathname),
      query: Object.fromEntries(url.searchParams),
      body: await request.text(),
      headers: request.headers,
    }
    this.requests.push(seen)
    return (await this.override?.(seen)) ?? (await this.#route(seen, request.signal))
  }

  async #route(seen: Seen, signal: AbortSignal): Promise<Response> {
    const { method, path } = seen
    if (path === '/api/v1/topics' && method === 'GET')
      return json([...this.topics.keys()].map((name) => this.#detail(name)))
    if (path === '/api/v1/topics') return this.#create(JSON.parse(seen.body))
    const [, name, rest] = /^\/api\/v1\/topics\/([^/]+)(\/records)?$/.exec(path) ?? []
    if (name === undefined) return problem(404, 'not_found', `no route ${path}`)
    if (!this.topics.has(name))
      return problem(404, 'not_found', `topic "${name}" does not exist`, `pspf topic create ${name}`)
    if (!rest) return method === 'DELETE' ? new Response(null, { status: 204 }) : json(this.#detail(name))
    if (method === 'POST') return this.#produce(name, seen)
    return method === 'DELETE' ? json({ partitions: [] }) : await this.#read(name, seen.query, signal)
  }

  #create({ name, partitions = 1 }: { name: string; partitions?: number }): Response {
    if (this.topics.has(name)) return problem(409, 'already_exists', `topic "${name}" exists`)
    this.topic(
      name,
      Array.from({ length: partitions }, () => []),
    )
    return json(this.#detail(name), 201)
  }

  #produce(name: string, { body }: Seen): Response {
    const offsets = body
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        this.append(name, 0, JSON.parse(line))
        return { partition: 0, offset: this.topics.get(name)![0]!.length - 1 }
      })
    return json({ count: offsets.length, offsets })
  }

  async #read(name: string, query: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const records = this.topics.get(name)![Number(query['partition'])]!
    const start = startOf(records, query['from'] ?? 'earliest')
    if (Number(query['waitMs'] ?? 0) > 0 && start >= records.length && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve)
        signal.addEventListener('abort', () => resolve())
      })
    }
    const page = records.slice(start, start + Number(query['limit'] ?? 100))
    return json({ records: page, next: start + page.length, startOffset: 0, endOffset: records.length })
  }

  #detail(name: string): TopicDetail {
    const partitions = this.topics.get(name)!
    return {
      name,
      id: '0'.repeat(32),
      internal: false,
      partitions: partitions.length,
      records: partitions.flat().length,
      sizeBytes: 2048,
      config: {
        cleanupPolicy: 'delete',
        deleteRetentionMs: 86_400_000,
        minCleanableDirtyRatio: 0.5,
        retentionMs: 604_800_000,
        retentionBytes: null,
        compression: 'none',
        durability: 'fsync',
      },
      powerCutLoses: 'nothing',
      createdAt: 1_700_000_000_000,
      lastAppendTime: 0,
      recordsPerSecond: 0,
      bytesPerSecond: 0,
      partitionList: partitions.map((records, partition) => {
        return { partition, startOffset: 0, endOffset: records.length, sizeBytes: 2048, lastAppendTime: 0 }
      }),
      readers: [],
    }
  }
}

function startOf(records: readonly RecordJson[], from: string): number {
  if (from === 'earliest') return 0
  if (from === 'latest') return records.length
  if (/^\d+$/.test(from)) return Number(from)
  const index = records.findIndex(({ timestamp }) => timestamp >= Date.parse(from))
  return index < 0 ? records.length : index
}

/** Timestamps rise by a second with the value, when it is a number. */
function recordJson(partition: number, offset: number, value: unknown): RecordJson {
  const at = typeof value === 'number' ? value : offset
  return { partition, offset, timestamp: 1_700_000_000_000 + at * 1000, key: null, value, headers: {} }
}
