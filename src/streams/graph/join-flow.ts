// What joins need of their two sides: rows of one key must meet in one task.
import { BrokerError } from '#base'
import type { Flow } from './flow.ts'
import type { AsOfNode, JoinNode, LookupNode, TableJoinNode } from './node.ts'

type AnyJoin = JoinNode | AsOfNode | LookupNode | TableJoinNode

type JoinFlow = {
  readonly flow: Flow
  /** Over how many partitions each side must first be brought together by key; null: it lies as it is needed. */
  readonly partitions: readonly [number | null, number | null]
}

/** Throws `invalid_request` for sides that cannot meet. */
export function joinFlow(node: AnyJoin, inputs: readonly Flow[]): JoinFlow {
  const left = inputs[0]!
  const right = inputs[1]!
  checkSides(node, left, right)
  // Every task holds all of it: rows stay where they are.
  if (node.kind === 'lookup' && node.parents[1]?.kind === 'broadcast') {
    return { flow: { ...left, partitionedBy: undefined }, partitions: [null, null] }
  }
  const over = left.together
    ? left.partitions
    : right.together
      ? right.partitions
      : Math.max(left.partitions, right.partitions)
  const flow: Flow = {
    keyed: true,
    together: true,
    partitionedBy: undefined,
    partitions: over,
    timed: meetsInTime(node) ? left.timed && right.timed : left.timed,
    updating: node.kind === 'table-join' || (node.kind === 'lookup' && left.updating),
  }
  return { flow, partitions: [left.together ? null : over, right.together ? null : over] }
}

/** Rows wait for event time, which needs both sides to have some. */
const meetsInTime = ({ kind }: AnyJoin): boolean => kind === 'join' || kind === 'as-of'

function checkSides(node: AnyJoin, left: Flow, right: Flow): void {
  if (node.kind === 'table-join' && node.parents.some(({ kind }) => kind === 'broadcast')) {
    throw new BrokerError(
      'invalid_request',
      `join "${node.name}" of two tables cannot have one that every task holds`,
      {
        fix: 'use .table() for both: each task then holds its part',
      },
    )
  }
  const refuse = (why: string, fix: string) => {
    throw new BrokerError('invalid_request', `join "${node.name}" ${why}`, { fix })
  }
  if (!left.keyed) refuse('has no key to meet by on its left side', "put .keyBy('field') before it")
  if (!right.keyed) refuse('has no key to meet by on its right side', "put .keyBy('field') before it")
  if (node.parents[1]?.kind === 'broadcast') return
  if (left.together && right.together && left.partitions !== right.partitions) {
    refuse(
      `would miss matches: its left side lies over ${left.partitions} partitions and its right side over ${right.partitions}`,
      `bring one side over as many as the other: .repartition('name', { partitions: ${right.partitions} }) on the left, or ${left.partitions} on the right${node.kind === 'lookup' ? '; or let every task hold a small table: topic.broadcast()' : ''}`,
    )
  }
  if (!meetsInTime(node)) return
  if (!left.timed || !right.timed) {
    refuse(
      'would never let go of a row, since one of its sources has no event time',
      'give its topic a time: { at: ... }',
    )
  }
  if (left.updating || (node.kind === 'join' && right.updating)) {
    refuse(
      'would match every revision of rows that replace each other',
      "join rows of emit('on-close'), or use .table() for rows that replace each other",
    )
  }
}
