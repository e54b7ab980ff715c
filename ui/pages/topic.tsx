// One topic: its messages, partitions, configuration and end.
import type { JSX } from 'preact'
import type { TopicDetail, TopicSummary } from '../../src/http/contract.ts'
import { useAsked } from '../api/asked.ts'
import { api } from '../api/client.ts'
import { formatBytes, formatRate } from '../format/number.ts'
import { useQuery } from '../frame/location.ts'
import { useChannel } from '../live/page.ts'
import { Tabs } from '../parts/choice.tsx'
import { Time } from '../parts/clock.tsx'
import { Figure, SkeletonRows, Trouble } from '../parts/surface.tsx'
import { TopicConfig } from './topic-config.tsx'
import { TopicDanger } from './topic-danger.tsx'
import { TopicMessages } from './topic-messages.tsx'
import { TopicPartitions } from './topic-partitions.tsx'
import { recordsText, retentionText } from './topic-retention.ts'

const tabs = [
  { value: 'messages', label: 'Messages' },
  { value: 'partitions', label: 'Partitions' },
  { value: 'config', label: 'Configuration' },
  { value: 'danger', label: 'Danger zone' },
] as const

type Tab = (typeof tabs)[number]['value']

export function TopicPage({ topic }: { topic: string }): JSX.Element {
  const [query, change] = useQuery()
  const { answer: detail, problem, refresh } = useAsked(topic, () => api.topic(topic))
  const tab: Tab = tabs.find(({ value }) => value === query.get('tab'))?.value ?? 'messages'
  if (!detail && problem) return <Trouble problem={problem} title={`Topic ${topic} cannot be shown`} />
  return (
    <>
      <TopicFigures topic={topic} detail={detail} />
      <Tabs
        label="Topic"
        options={tabs}
        value={tab}
        onChange={(next) => change({ tab: next === 'messages' ? null : next })}
      />
      {!detail ? (
        <SkeletonRows />
      ) : tab === 'partitions' ? (
        <TopicPartitions detail={detail} />
      ) : tab === 'config' ? (
        <TopicConfig detail={detail} onChanged={refresh} />
      ) : tab === 'danger' ? (
        <TopicDanger detail={detail} />
      ) : (
        <TopicMessages detail={detail} refresh={refresh} />
      )}
    </>
  )
}

function TopicFigures({ topic, detail }: { topic: string; detail: TopicDetail | null }): JSX.Element {
  const data = useChannel('topics').data.value
  const summary: TopicSummary | null =
    (data?.kind === 'topics' ? data.topics.find((one) => one.name === topic) : null) ?? detail
  return (
    <section class="figures card" aria-label="Key figures">
      <Figure label="Rate" note={summary ? `${formatBytes(summary.bytesPerSecond)}/s` : ' '}>
        {summary ? `${formatRate(summary.recordsPerSecond)} /s` : '–'}
      </Figure>
      <Figure
        label="Records"
        note={
          summary ? `${summary.partitions} ${summary.partitions === 1 ? 'partition' : 'partitions'}` : ' '
        }
      >
        {summary ? recordsText(summary) : '–'}
      </Figure>
      <Figure
        label="Size"
        note={summary?.config.compression === 'none' ? 'not compressed' : summary?.config.compression}
      >
        {summary ? formatBytes(summary.sizeBytes) : '–'}
      </Figure>
      <Figure label="Kept for" note="counted from arrival">
        {summary ? retentionText(summary.config) : '–'}
      </Figure>
      <Figure label="Last record" note={summary ? <Time at={summary.lastAppendTime} /> : ' '}>
        <Time at={summary?.lastAppendTime} form="ago" />
      </Figure>
    </section>
  )
}
