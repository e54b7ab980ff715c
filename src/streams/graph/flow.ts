// What is known about the rows between two nodes, and the rules that make a graph sound. Pure: a graph that passes here
// computes what it says.
import { BrokerError } from '#base'
import { joinFlow } from './join-flow.ts'
import type {
  AggregateNode,
  AsyncNode,
  DedupeNode,
  KeyChoice,
  Node,
  ProcessNode,
  TopicSettings,
  WindowNode,
} from './node.ts'

export type Flow = {
  /** Rows carry a key that was asked for. */
  readonly keyed: boolean
  /** All rows of one key come through one task. */
  readonly together: boolean
  /** By what the topic they come from is partitioned, while rows are as they were there. */
  readonly partitionedBy: KeyChoice | undefined
  /** Over how many partitions rows arrive. */
  readonly partitions: number
  /** There is a watermark. */
  readonly timed: boolean
  /** Rows replace earlier rows of the same key instead of adding to them. */
  readonly updating: boolean
}

export type Flows = {
  readonly flows: ReadonlyMap<Node, Flow>
  /** Nodes whose rows must first be brought together by key: for each parent over how many partitions, null as is. */
  readonly repartitioned: ReadonlyMap<Node, readonly (number | null)[]>
}

/** Throws `invalid_request` for a graph that is unsound. `nodes`: parents first. */
export function flowsOf(
  nodes: readonly Node[],
  topics: ReadonlyMap<string, TopicSettings>,
  partitionsOf: (topic: string) => number,
): Flows {
  const flows = new Map<Node, Flow>()
  const repartitioned = new Map<Node, readonly (number | null)[]>()
  for (const node of nodes) {
    const inputs = node.parents.map((parent) => flows.get(parent)!)
    if (node.kind === 'source') {
      flows.set(node, sourceFlow(topics.get(node.topic.name)!, partitionsOf(node.topic.name)))
    } else if (node.kind === 'broadcast') {
      flows.set(node, { ...unkeyed, keyed: true, partitions: 1, timed: false, updating: true })
    } else if (node.kind === 'generator') {
      flows.set(node, { ...unkeyed, partitions: 1, timed: false, updating: false })
    } else if (node.kind === 'window' || node.kind === 'aggregate') {
      checkStateful(node, inputs[0]!)
      if (!inputs[0]!.together) repartitioned.set(node, [inputs[0]!.partitions])
      const updating = node.kind === 'aggregate' || node.emit.kind === 'on-update'
      const timed = inputs[0]!.timed || (node.kind === 'window' && node.window.time === 'processing')
      flows.set(node, { ...inputs[0]!, together: true, partitionedBy: undefined, updating, timed })
    } else if (node.kind === 'async') {
      checkAsync(node, inputs[0]!)
      flows.set(node, { ...inputs[0]!, partitionedBy: undefined })
    } else if (node.kind === 'dedupe') {
      checkDedupe(node, inputs[0]!)
      if (!inputs[0]!.together) repartitioned.set(node, [inputs[0]!.partitions])
      flows.set(node, { ...inputs[0]!, together: true, partitionedBy: undefined })
    } else if (node.kind === 'process') {
      checkProcess(node, inputs[0]!)
      if (!inputs[0]!.together) repartitioned.set(node, [inputs[0]!.partitions])
      flows.set(node, { ...inputs[0]!, together: true, partitionedBy: undefined, updating: false })
    } else if (
      node.kind === 'join' ||
      node.kind === 'as-of' ||
      node.kind === 'lookup' ||
      node.kind === 'table-join'
    ) {
      const { flow, partitions } = joinFlow(node, inputs)
      if (partitions.some((wanted) => wanted !== null)) repartitioned.set(node, partitions)
      flows.set(node, flow)
    } else if (node.kind === 'spread') {
      if (!inputs[0]!.keyed) throw unkeyedRepartition(node.name)
      const partitions = node.partitions ?? inputs[0]!.partitions
      repartitioned.set(node, [partitions])
      flows.set(node, { ...inputs[0]!, together: true, partitionedBy: undefined, partitions })
    } else {
      flows.set(node, statelessFlow(node, inputs))
    }
  }
  return { flows, repartitioned }
}

const unkeyed = { keyed: false, together: false, partitionedBy: undefined }

function sourceFlow(topic: TopicSettings, partitions: number): Flow {
  const timed = topic.time !== undefined
  return { keyed: false, together: false, partitionedBy: topic.key, partitions, timed, updating: false }
}

function statelessFlow(node: Node, inputs: readonly Flow[]): Flow {
  const input = inputs[0]!
  switch (node.kind) {
    case 'keyBy': {
      const together = input.partitions === 1 || isSameKey(input.partitionedBy, node.key)
      return { ...input, keyed: true, together, partitionedBy: together ? node.key : undefined }
    }
    case 'table': {
      const { kind } = node.parents[0]!
      // Rows of a topic lie where their record keys put them.
      if (kind === 'source') return { ...input, keyed: true, together: true, updating: true }
      if (!input.keyed) throw unkeyedTable()
      return { ...input, updating: true }
    }
    case 'map':
    case 'flatMap':
      return { ...input, partitionedBy: undefined }
    case 'merge':
      return {
        ...unkeyed,
        partitions: Math.max(...inputs.map(({ partitions }) => partitions)),
        timed: inputs.every(({ timed }) => timed),
        updating: inputs.some(({ updating }) => updating),
      }
    case 'late':
      return { ...input, ...unkeyed, updating: false }
    default:
      return input
  }
}

function isSameKey(a: KeyChoice | undefined, b: KeyChoice): boolean {
  return a !== undefined && (a.field === undefined ? a.of === b.of : a.field === b.field)
}

function unkeyedTable(): BrokerError {
  return new BrokerError('invalid_request', 'a table of rows without a key holds one row at most', {
    fix: "put .keyBy('field') before .table()",
  })
}

function unkeyedRepartition(name: string): BrokerError {
  return new BrokerError('invalid_request', `repartition "${name}" has no key to go by`, {
    fix: "put .keyBy('field') before it",
  })
}

const reservedColumns = {
  window: ['key', 'window', 'revision', 'final', 'removed'],
  aggregate: ['key', 'revision'],
}

function checkStateful(node: WindowNode | AggregateNode, input: Flow): void {
  const refuse = (why: string, fix: string) => {
    throw new BrokerError('invalid_request', `${node.kind} "${node.name}" ${why}`, { fix })
  }
  if (!input.keyed) refuse('has no key to group by', "put .keyBy('field') before it")
  if (node.kind === 'window' && !input.timed && node.window.time !== 'processing') {
    refuse(
      'would never close, since its source has no event time',
      "give its topic a time: { at: ... }, or the window { time: 'processing' }",
    )
  }
  if (input.updating) {
    refuse(
      'would count every revision of rows that replace each other',
      "aggregate rows of emit('on-close'), or the rows from which the updates come",
    )
  }
  const reserved = reservedColumns[node.kind].find((column) => column in node.aggregates)
  if (reserved !== undefined) {
    refuse(`cannot have an aggregate named "${reserved}"`, 'result rows have that field already: rename it')
  }
}

function checkDedupe({ name }: DedupeNode, { keyed, timed, updating }: Flow): void {
  const refuse = (why: string, fix: string) => {
    throw new BrokerError('invalid_request', `dedupe "${name}" ${why}`, { fix })
  }
  if (!keyed) refuse('has no key', "put .keyBy('field') before it")
  if (!timed)
    refuse('would never forget, since its source has no event time', 'give its topic a time: { at: ... }')
  if (updating) {
    refuse('would keep the first of rows that replace each other', 'put it before what makes the updates')
  }
}

function checkProcess({ name, state }: ProcessNode, { keyed, timed }: Flow): void {
  const refuse = (why: string, fix: string) => {
    throw new BrokerError('invalid_request', `process "${name}" ${why}`, { fix })
  }
  if (!keyed) refuse('has no key whose state it could keep', "put .keyBy('field') before it")
  const dated = Object.entries(state).find(([, { ttlMs }]) => ttlMs !== null)
  if (!timed && dated !== undefined) {
    refuse(
      `would never forget "${dated[0]}", since its source has no event time`,
      'give its topic a time: { at: ... }, or leave the ttl out',
    )
  }
}

function checkAsync({ name, settings }: AsyncNode, { updating }: Flow): void {
  if (!updating || settings.order === 'preserve') return
  throw new BrokerError(
    'invalid_request',
    `async "${name}" would bring rows that replace each other out of order`,
    { fix: "use order: 'preserve'" },
  )
}
