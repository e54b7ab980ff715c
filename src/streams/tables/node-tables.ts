// The tables of all apps of a node, under `<app>.<node>`. Their rows are with the apps: a question travels to the process
// that has the state, and costs this one nothing but the answer.
import { BrokerError } from '#base'
import { didYouMean } from '#broker'
import type { AppState, AppStatus } from '../api.ts'
import { tableLimits } from './limits.ts'
import type {
  RowAnswer,
  RowQuestion,
  TableAnswer,
  TableInfo,
  TableKind,
  TablePosition,
  TableQuestion,
} from './table-question.ts'

export type AskedApps = {
  list(): readonly AppStatus[]
  ask(app: string, question: TableQuestion, withinMs: number): Promise<TableAnswer>
}

export type NodeTable = {
  /** `<app>.<node>` */
  readonly name: string
  readonly app: string
  readonly node: string
  readonly kind: TableKind
  /** One line for people: what the node does. */
  readonly label: string
  /** Of its app. Only a running or paused one can be asked for rows. */
  readonly state: AppState
  readonly key: string | null
  readonly columns: readonly string[]
  /** null: the app does not tell. */
  readonly rows: number | null
  /** There are more rows than were counted. */
  readonly more: boolean
  readonly positions: readonly TablePosition[]
}

export type RowsWanted = Omit<RowQuestion, 't' | 'node' | 'waitMs'> & {
  /** How long may be waited for the answer: milliseconds. */
  readonly timeoutMs?: number
}

/** How long an app has to say what tables it has; without an answer the graph must do. */
const listWithinMs = 1_000

/** Kinds of nodes of a graph that are tables. */
const kinds: Readonly<Record<string, TableKind>> = {
  aggregate: 'aggregate',
  window: 'window',
  lookup: 'table',
  'table-join': 'table',
  join: 'join',
  'as-of': 'join',
  dedupe: 'dedupe',
  process: 'process',
}

export class NodeTables {
  readonly #apps: AskedApps

  constructor(apps: AskedApps) {
    this.#apps = apps
  }

  async list(): Promise<NodeTable[]> {
    const lists = await Promise.all(this.#apps.list().map((app) => this.#ofApp(app)))
    return lists.flat()
  }

  /** By `<app>.<node>`, or by the name of the node alone where one app only has it. */
  async describe(name: string): Promise<NodeTable> {
    const { app, node } = this.#find(name)
    const all = await this.#ofApp(app)
    return all.find((table) => table.node === node)!
  }

  async rows(
    name: string,
    { timeoutMs = tableLimits.answerWithinMs, ...wanted }: RowsWanted,
  ): Promise<RowAnswer> {
    const { app, node } = this.#find(name)
    const withinMs = Math.min(timeoutMs, tableLimits.answerWithinMsMax)
    const question = { ...wanted, t: 'rows', node, waitMs: withinMs } as const
    // A wait for a position ends with a word on which one; a little later than that nobody answers at all.
    const answer = await this.#apps.ask(app.id, question, withinMs + listWithinMs)
    return answer as RowAnswer
  }

  #find(name: string): { app: AppStatus; node: string } {
    const known = this.#apps.list().flatMap((app) => tablesOf(app).map(({ id }) => ({ app, node: id })))
    const whole = known.find(({ app, node }) => `${app.id}.${node}` === name)
    if (whole !== undefined) return whole
    const short = known.filter(({ node }) => node === name)
    const [only] = short
    if (only !== undefined && short.length === 1) return only
    const names = (short.length > 0 ? short : known).map(({ app, node }) => `${app.id}.${node}`)
    if (short.length > 0) {
      throw new BrokerError('conflict', `"${name}" is a table of several apps`, {
        fix: `say which: ${names.join(', ')}`,
      })
    }
    throw new BrokerError(
      'not_found',
      `there is no table "${name.slice(0, 200)}"${didYouMean(name, names)}`,
      {
        fix: 'GET /api/v1/tables lists the tables: the state of every node of an app that keeps some',
      },
    )
  }

  async #ofApp(app: AppStatus): Promise<NodeTable[]> {
    const nodes = tablesOf(app)
    if (nodes.length === 0) return []
    const told = await this.#infosOf(app)
    return nodes.map(({ id, kind, label }) => {
      const info = told.get(id)
      return {
        name: `${app.id}.${id}`,
        app: app.id,
        node: id,
        kind: info?.kind ?? kinds[kind]!,
        label,
        state: app.state,
        key: info?.key ?? null,
        columns: info?.columns ?? [],
        rows: info?.rows ?? null,
        more: info?.more ?? false,
        positions: info?.positions ?? [],
      }
    })
  }

  /** Empty if it does not answer: then the graph has to do. */
  async #infosOf({ id }: AppStatus): Promise<Map<string, TableInfo>> {
    try {
      const answer = await this.#apps.ask(id, { t: 'tables' }, listWithinMs)
      const tables = 'tables' in answer ? answer.tables : []
      return new Map(tables.map((info) => [info.node, info]))
    } catch (thrown) {
      if (thrown instanceof BrokerError) return new Map()
      throw thrown
    }
  }
}

const tablesOf = ({ graph }: AppStatus) => graph.nodes.filter(({ kind }) => kinds[kind] !== undefined)
