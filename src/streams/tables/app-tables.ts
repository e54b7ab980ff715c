// The tables of a running app: the state of each of its stateful nodes, read where the tasks are, between their steps.
import { BrokerError, type Clock, sleep } from '#base'
import { didYouMean, partitionOf } from '#broker'
import { type Plan, type PlannedNode, type Subtopology, taskName } from '../graph/plan.ts'
import { readTaskState, type TaskState } from '../runtime/task-state.ts'
import { taskKey } from '../state/state-key.ts'
import { watermarkOf } from '../time/watermark.ts'
import type { CommittedState } from './committed-state.ts'
import { type TableLimits, tableLimits } from './limits.ts'
import { TableCursors } from './table-cursors.ts'
import { checkPlaces, inputsOf, type TableInput } from './table-inputs.ts'
import type {
  RowAnswer,
  RowQuestion,
  TableAnswer,
  TableInfo,
  TablePosition,
  TableQuestion,
  TableRow,
} from './table-question.ts'
import {
  type PlacedRow,
  type ReadableState,
  type RowRange,
  type TableView,
  tableViewOf,
} from './table-view.ts'

/** A task as far as questions go. */
export type QueriedTask = {
  readonly name: string
  /** null: it is being put together anew. */
  readonly committed: CommittedState | null
}

export type AppTablesOptions = {
  readonly plan: Plan
  readonly tasks: readonly QueriedTask[]
  readonly clock: Clock
  readonly limits?: Partial<TableLimits>
}

type Table = {
  readonly node: PlannedNode
  readonly view: TableView
  readonly subtopology: Subtopology
  /** Those from which its rows come. */
  readonly inputs: readonly TableInput[]
  /** One per partition. */
  readonly tasks: readonly QueriedTask[]
}

const encoder = new TextEncoder()

export class AppTables {
  readonly #plan: Plan
  readonly #tables = new Map<string, Table>()
  readonly #clock: Clock
  readonly #limits: TableLimits

  constructor({ plan, tasks, clock, limits }: AppTablesOptions) {
    this.#plan = plan
    this.#clock = clock
    this.#limits = { ...tableLimits, ...limits }
    const byName = new Map(tasks.map((task) => [task.name, task]))
    for (const subtopology of plan.subtopologies) {
      const own = Array.from(
        { length: subtopology.tasks },
        (_, partition) => byName.get(taskName(subtopology.name, partition))!,
      )
      for (const node of subtopology.nodes) {
        const view = tableViewOf(node)
        if (view !== null)
          this.#tables.set(node.id, {
            node,
            view,
            subtopology,
            inputs: inputsOf(node, subtopology),
            tasks: own,
          })
      }
    }
  }

  async ask(question: TableQuestion): Promise<TableAnswer> {
    return question.t === 'tables' ? { tables: this.list() } : await this.rows(question)
  }

  list(): TableInfo[] {
    return [...this.#tables.values()].map((table) => {
      const { node, view } = table
      const { rows, more } = this.#count(table)
      const positions = positionsOf(table)
      return {
        node: node.id,
        kind: view.kind,
        key: keyFieldOf(node, this.#plan),
        columns: view.columns,
        rows,
        more,
        positions,
      }
    })
  }

  /** Throws `not_found`, `timeout` if it waited in vain, and `invalid_request` for a cursor that no answer of this table
   * gave or a position that is none of its inputs. */
  async rows(question: RowQuestion): Promise<RowAnswer> {
    const table = this.#find(question.node)
    const { cursor, waitFor = [] } = question
    const cursors = new TableCursors(`${this.#plan.app.id}.${table.node.id} ${table.view.kind}`)
    const range = { ...question, after: cursor === undefined ? null : cursors.read(cursor) }
    checkPlaces(table.node.id, table.inputs, waitFor)
    await this.#reached(table, question)
    const sources: Source[] = []
    try {
      for (const task of chooseTasks(table, question)) {
        sources.push(new Source(table, task, range, this.#limits))
      }
      return { ...this.#take(sources, question.limit, cursors), positions: positionsOf(table) }
    } finally {
      for (const source of sources) source.close()
    }
  }

  /** Rows of all sources, in order, as many as one answer may have. */
  #take(sources: readonly Source[], wanted: number, cursors: TableCursors): Pick<RowAnswer, 'rows' | 'next'> {
    const rows: TableRow[] = []
    const limit = Math.min(wanted, this.#limits.rowsMax)
    let sizeBytes = 0
    let last: Uint8Array | null = null
    for (let source = leastOf(sources); source !== null; source = leastOf(sources)) {
      const { place, row } = source.first!
      const isFull = rows.length >= limit || sizeBytes >= this.#limits.answerSizeBytesMax
      // A key may be in several tasks, where producers choose partitions by hand: its rows are never torn apart.
      if (isFull && last !== null && Buffer.compare(place, last) !== 0)
        return { rows, next: cursors.write(last) }
      rows.push(row)
      sizeBytes += JSON.stringify(row).length
      last = place
      source.step()
    }
    return { rows, next: null }
  }

  #find(node: string): Table {
    const table = this.#tables.get(node)
    if (table !== undefined) return table
    throw new BrokerError(
      'not_found',
      `app "${this.#plan.app.id}" has no table "${node}"${didYouMean(node, this.#tables.keys())}`,
      {
        fix: 'GET /api/v1/tables lists the tables',
      },
    )
  }

  #count({ view, tasks }: Table): { rows: number; more: boolean } {
    let rows = 0
    for (const { committed } of tasks) {
      if (committed === null) continue
      for (const _ of view.rows(committed, { after: null })) {
        if (++rows > this.#limits.countedMax) return { rows: this.#limits.countedMax, more: true }
      }
    }
    return { rows, more: false }
  }

  async #reached(table: Table, { waitFor = [], waitMs }: RowQuestion): Promise<void> {
    const until = this.#clock.monotonic() + waitMs
    for (;;) {
      const inputs = positionsOf(table).flatMap((position) => position.inputs)
      const missing = waitFor.find(({ topic, partition, offset }) => {
        const own = inputs.filter(
          (input) => input.partition === partition && (topic === undefined || input.topic === topic),
        )
        return own.length === 0 || own.some(({ next }) => next <= offset)
      })
      if (missing === undefined) return
      if (this.#clock.monotonic() >= until) {
        const { partition, offset } = missing
        throw new BrokerError(
          'timeout',
          `offset ${offset} of partition ${partition} was not processed within ${waitMs} ms`,
          {
            fix: 'ask again, allow more with timeoutMs, or look at the lag of the app',
          },
        )
      }
      await sleep(this.#clock, this.#limits.pollMs)
    }
  }
}

/** Rows of one task, the next one in view. */
class Source {
  first: PlacedRow | null = null
  readonly #rows: Iterator<PlacedRow>

  constructor({ view }: Table, { name, committed }: QueriedTask, range: RowRange, limits: TableLimits) {
    if (committed === null) {
      throw new BrokerError('busy', `the state of task ${name} is being rebuilt`, {
        fix: 'ask again in a moment',
      })
    }
    this.#rows = view.rows(bounded(committed, limits.scannedMax), range)[Symbol.iterator]()
    this.step()
  }

  step(): void {
    const { done, value } = this.#rows.next()
    this.first = done ? null : value
  }

  /** Stores hold something open for as long as a scan is. */
  close(): void {
    this.#rows.return?.()
  }
}

/** What is looked at and not wanted costs the app time as well. */
function bounded(state: ReadableState, scannedMax: number): ReadableState {
  let scanned = 0
  return {
    get: (key) => state.get(key),
    *scan(from, to) {
      for (const entry of state.scan(from, to)) {
        if (++scanned > scannedMax) {
          throw new BrokerError(
            'too_large',
            `the question looks at more than ${scannedMax} entries of the state`,
            {
              fix: 'ask for a key, a range of keys or fewer rows',
              details: { limit: scannedMax },
            },
          )
        }
        yield entry
      }
    },
  }
}

function leastOf(sources: readonly Source[]): Source | null {
  let least: Source | null = null
  for (const source of sources) {
    if (source.first === null) continue
    if (least === null || Buffer.compare(source.first.place, least.first!.place) < 0) least = source
  }
  return least
}

/** The task to which the key belongs, if it has it; else any may, where producers choose partitions by hand. */
function chooseTasks({ tasks, view }: Table, question: RowQuestion): readonly QueriedTask[] {
  if (question.key === undefined || tasks.length === 1) return tasks
  const own = tasks[partitionOf(encoder.encode(question.key), tasks.length)]!
  if (own.committed === null) return [own]
  for (const _ of view.rows(own.committed, { key: question.key, after: null })) return [own]
  return tasks
}

function positionsOf({ node, tasks, subtopology, inputs }: Table): TablePosition[] {
  const topics = new Set(inputs.map(({ topic }) => topic))
  return tasks.map(({ name, committed }, partition) => {
    const stored = committed?.get(taskKey) ?? null
    const state: TaskState | null = stored === null ? null : readTaskState(stored)
    const own = (state?.inputs ?? []).filter(({ of, topic }) => of === undefined && topics.has(topic))
    const time = state?.times[node.id]
    const watermark = time === undefined ? null : watermarkOf(time)
    const next = committed?.position?.next
    return {
      task: name,
      inputs: own.map(({ topic, partition: from, next: at }) => ({ topic, partition: from, next: at })),
      changelog: next === undefined ? null : { topic: subtopology.changelog!, partition, next },
      watermark: watermark !== null && Number.isFinite(watermark) ? watermark : null,
    }
  })
}

/** The field by which rows came to the node. */
function keyFieldOf({ node: own, parents }: PlannedNode, plan: Plan): string | null {
  const [parent] = own.kind === 'repartition-source' ? writersOf(own.topic, plan) : parents
  if (parent === undefined) return null
  const { node } = parent
  if (node.kind === 'keyBy') return node.key.field ?? null
  if (node.kind === 'source') return node.topic.key?.field ?? null
  return keyFieldOf(parent, plan)
}

/** Rows go through a topic between two parts of the app. */
function writersOf(topic: string, { subtopologies }: Plan): PlannedNode[] {
  const nodes = subtopologies.flatMap((subtopology) => subtopology.nodes)
  return nodes.filter(({ node }) => node.kind === 'repartition' && node.topic === topic)
}
