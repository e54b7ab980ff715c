// The topics from which the rows of a table come, and the positions in them for which a question may wait.
import { BrokerError } from '#base'
import { type PlannedNode, type Subtopology, topicOf } from '../graph/plan.ts'
import type { RowQuestion } from './table-question.ts'

export type TableInput = {
  readonly topic: string
  readonly partitions: number
  /** Written by the app itself, by another key: its offsets are not those of any topic that a program produces to. */
  readonly isInternal: boolean
}

type Place = NonNullable<RowQuestion['waitFor']>[number]

export function inputsOf(node: PlannedNode, { inputs, nodes }: Subtopology): TableInput[] {
  const read = new Set(topicsAbove(node))
  const internal = new Set(
    nodes.flatMap((one) => (one.node.kind === 'repartition-source' ? [one.node.topic] : [])),
  )
  return inputs
    .filter(({ topic }) => read.has(topic))
    .map(({ topic, partitions }) => ({ topic, partitions, isInternal: internal.has(topic) }))
}

/** Topics read by the node itself or by those before it. */
function topicsAbove(node: PlannedNode): string[] {
  const topic = topicOf(node)
  return topic === undefined ? node.parents.flatMap(topicsAbove) : [topic]
}

/** Throws `invalid_request` for positions that will never be reached, or whose offsets are of another topic. */
export function checkPlaces(table: string, inputs: readonly TableInput[], places: readonly Place[]): void {
  for (const { topic, partition } of places) {
    const meant = inputs.filter((input) => topic === undefined || input.topic === topic)
    const internal = meant.find(({ isInternal }) => isInternal)
    if (meant.length === 0) {
      const what = topic === undefined ? 'there is no input' : `topic "${topic}" is no input`
      throw refused(`${what} of table "${table}"`, inputs)
    }
    if (topic === undefined && internal !== undefined) {
      const why = `table "${table}" reads "${internal.topic}", which the app writes itself`
      throw refused(`${why}: offsets of other topics say nothing there`, inputs)
    }
    if (meant.every(({ partitions }) => partition >= partitions)) {
      const whose = meant.map((input) => `"${input.topic}"`).join(', ')
      throw refused(`there is no partition ${partition} in the input ${whose} of table "${table}"`, inputs)
    }
  }
}

function refused(message: string, inputs: readonly TableInput[]): BrokerError {
  const known = inputs.map(({ topic, partitions }) => `${topic} (${rangeText(partitions)})`).join(', ')
  const [first] = inputs
  const fix =
    first === undefined
      ? 'ask without waitFor: the table reads no topic'
      : `name an input and a position in it, as in ${first.topic}:0:15; the inputs are ${known}`
  return new BrokerError('invalid_request', message, { fix, details: { parameter: 'waitFor' } })
}

const rangeText = (partitions: number) =>
  partitions === 1 ? 'partition 0' : `partitions 0 to ${partitions - 1}`
