// What streams shows of itself: the graph as data, the state of apps, and the port through which tasks reach the log.
import type { Millis, Offset } from '#base'
import type { Commit, FetchedSlice, TopicInfo, TopicSpec } from '#broker'

/** The operator graph of one app, as plain data: for the UI, the CLI and `topology.lock`. */
export type GraphDescription = {
  readonly app: string
  readonly nodes: readonly GraphNode[]
  /** `[from, to]` node ids. */
  readonly edges: readonly (readonly [string, string])[]
  /** Topics the app reads, writes or keeps its changelog in; the node creates what is missing. */
  readonly topics: readonly (TopicSpec & {
    readonly role: 'source' | 'sink' | 'changelog' | 'repartition' | 'dead-letters'
  })[]
}

export type GraphNode = {
  readonly id: string
  /** `source topic filter map keyBy window sink ...` */
  readonly kind: string
  /** One line for people: `tumbling 1m, grace 10s`. */
  readonly label: string
  readonly topic?: string
  readonly stateful: boolean
}

export type NodeStats = {
  readonly id: string
  readonly recordsIn: number
  readonly recordsOut: number
  /** Bad records, and rows on which a function threw. */
  readonly errors: number
  readonly late: number
  /** Rows without a key, and rows that lie in no window. */
  readonly dropped: number
}

export type AppState = 'starting' | 'running' | 'paused' | 'backing-off' | 'failed' | 'stopped'

export type TaskStatus = {
  readonly task: string
  readonly topic: string
  readonly partition: number
  readonly position: Offset
  readonly lag: number
  /** Event time up to which the input is claimed complete; null before the first record. */
  readonly watermark: Millis | null
  readonly commits: number
  readonly commitMs: number
}

export type AppStatus = {
  readonly id: string
  readonly state: AppState
  readonly file: string
  /** Of an app that was deployed; null: it runs from its file. */
  readonly version: number | null
  readonly graph: GraphDescription
  readonly nodes: readonly NodeStats[]
  readonly tasks: readonly TaskStatus[]
  /** Records per second read by the app's tasks, over the last few seconds. */
  readonly recordsPerSecond: number
  readonly lag: number
  readonly memoryBytes: number
  readonly restarts: number
  /** Why it failed or backs off: what, where (file:line:column) and a code frame. */
  readonly error: { readonly message: string; readonly frame?: string } | null
  readonly startedAt: Millis | null
}

/** What a running app says of itself; whoever supervises its process adds file, memory, restarts and start time. */
export type RunningStatus = Pick<
  AppStatus,
  'id' | 'state' | 'graph' | 'nodes' | 'tasks' | 'recordsPerSecond' | 'lag'
>

/** Records from offset `from` on (up to the next mark) were appended at this time. */
export type AppendMark = { readonly from: Offset; readonly at: Millis }

/** What a port answers to a read. Without `appended`, `maxAhead` measures by the clock when a record is read. */
export type TaskSlice = FetchedSlice & { readonly appended?: readonly AppendMark[] }

/** The log as a task sees it. The embedded broker stands behind it today, a Kafka cluster may later. */
export interface LogPort {
  ensureTopics(specs: readonly TopicSpec[]): Promise<readonly TopicInfo[]>
  /** Those of them that exist. */
  findTopics(names: readonly string[]): Promise<readonly TopicInfo[]>
  fetchSlice(request: {
    topic: string
    partition: number
    from: Offset
    bytesMax: number
    waitMs: number
  }): Promise<TaskSlice>
  /** Position committed for the group, or null if there is none. */
  committed(group: string, topic: string, partition: number): Promise<Offset | null>
  fence(group: string, owner: string): Promise<number>
  /** Resolves when durable and visible, with the base offset of each batch. */
  commit(commit: Commit): Promise<{ positions: readonly Offset[] }>
}
