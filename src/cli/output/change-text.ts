// What a new version of an app changes, for people: one line a node, and where its rows come from.
//
//   keeps    totals    count           its state and position go on
//   rebuilds per-min   tumbling 5m     reads 1,204 records of orders first; its windows were tumbling 1m and ...
//   adds     customers count           reads 1,204 records of orders first
import type { AppChange } from '../answers.ts'
import type { Column, Output } from './output.ts'

type Node = AppChange['nodes'][number]

const verbs = {
  kept: 'keeps',
  added: 'adds',
  rebuilt: 'rebuilds',
  refused: 'refuses',
  orphaned: 'leaves',
} satisfies Record<Node['what'], string>

const columns: readonly Column<Node>[] = [
  { title: 'what', of: ({ what }) => verbs[what] },
  { title: 'node', of: ({ name }) => name },
  { title: 'is', of: ({ label, before }) => isText(label, before) },
  { title: 'so', of: soText },
]

export function changeText({ nodes, outputs }: AppChange, output: Output): string {
  const parts = [output.table(nodes, columns)]
  // What is refused begins nowhere, so nothing follows what topics have.
  const isRefused = nodes.some(({ what }) => what === 'refused')
  const lines = outputs.flatMap(({ topic, what, again }) => {
    if (what === 'added') return [`writes ${topic}, which it did not before`]
    if (what === 'removed') return [`no longer writes ${topic}; what is in it stays`]
    return again === undefined || isRefused
      ? []
      : [`writes ${topic} anew, behind the ${countText(again, 'record')} that it has`]
  })
  if (lines.length > 0) parts.push(`${lines.join('\n')}\n`)
  return parts.join('\n')
}

function isText(label: string, before: string | undefined): string {
  return label === '' && before !== undefined ? `was ${before}` : label
}

function soText({ what, why, from }: Node): string {
  if (what === 'kept') return 'its state and position go on'
  if (what === 'refused' || what === 'orphaned') return why
  const because = why === '' ? '' : `; ${why}`
  if (from.length === 0) return `begins with what comes${because}`
  const byTopic = new Map<string, { records: number; cut: boolean }>()
  for (const { topic, offset, records } of from) {
    const sum = byTopic.get(topic) ?? { records: 0, cut: false }
    byTopic.set(topic, { records: sum.records + records, cut: sum.cut || offset > 0 })
  }
  const texts = [...byTopic].map(([topic, { records, cut }]) =>
    records === 0
      ? topic
      : `${countText(records, 'record')} of ${topic}${cut ? ' (older ones are gone)' : ''}`,
  )
  const isEmpty = from.every(({ records }) => records === 0)
  return `reads ${texts.join(' and ')} ${isEmpty ? 'from the beginning' : 'first'}${because}`
}

const countText = (count: number, noun: string): string =>
  `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
