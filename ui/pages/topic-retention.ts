// How long and how much a topic keeps, in words and as choices.
import type { TopicSummary } from '../../src/http/contract.ts'
import { formatBytes, formatCount } from '../format/number.ts'
import { formatSpan } from '../format/time.ts'
import type { Option } from '../parts/choice.tsx'

type Retention = Pick<TopicSummary['config'], 'retentionMs' | 'retentionBytes' | 'cleanupPolicy'>

/** `'7 days'`, `'1 day, 10 GB'`, `'latest by key'`, `'latest by key, 7 days'`. */
export function retentionText({ retentionMs, retentionBytes, cleanupPolicy }: Retention): string {
  if (cleanupPolicy === 'compact') return 'latest by key'
  const time = retentionMs === null ? 'for ever' : formatSpan(retentionMs)
  const kept = retentionBytes === null ? time : `${time}, ${formatBytes(retentionBytes)}`
  return cleanupPolicy === 'delete' ? kept : `latest by key, ${kept}`
}

/** `'1,200'`, or `'≤ 1,200'`: of a compacted topic nobody counts what is left between its first and its last record. */
export function recordsText({ records, config }: Pick<TopicSummary, 'records' | 'config'>): string {
  return records === 0 || config.cleanupPolicy === 'delete'
    ? formatCount(records)
    : `≤ ${formatCount(records)}`
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

export const retentionChoices: readonly Option<string>[] = [
  { value: String(hourMs), label: '1 hour' },
  { value: String(dayMs), label: '1 day' },
  { value: String(7 * dayMs), label: '7 days' },
  { value: String(30 * dayMs), label: '30 days' },
  { value: String(365 * dayMs), label: '1 year' },
  { value: 'null', label: 'for ever' },
]

/** The choices, and the topic's own value if it is none of them. */
export function choicesWith(retentionMs: number | null): readonly Option<string>[] {
  const value = String(retentionMs)
  return retentionChoices.some((choice) => choice.value === value)
    ? retentionChoices
    : [...retentionChoices, { value, label: formatSpan(retentionMs ?? 0) }]
}

/** As the command line takes it: `7d`, `90m`, `forever`. */
export function retentionForShell(retentionMs: number | null): string {
  if (retentionMs === null) return 'forever'
  const unit = (
    [
      ['d', dayMs],
      ['h', hourMs],
      ['m', 60_000],
      ['s', 1_000],
    ] as const
  ).find(([, size]) => retentionMs % size === 0)
  return unit ? `${retentionMs / unit[1]}${unit[0]}` : `${retentionMs}ms`
}

export function retentionOf(value: string): number | null {
  return value === 'null' ? null : Number(value)
}

/** Kafka's own rule, so that every client can use the topic. */
export function nameProblem(name: string, taken: readonly string[]): string | null {
  if (name === '') return null
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return 'Letters, digits, dot, dash and underscore only'
  if (name === '.' || name === '..') return 'A name cannot be only dots'
  if (name.length > 249) return 'At most 249 characters'
  if (taken.includes(name)) return 'There is already a topic of this name'
  return null
}
