// All topics: how much flows, how much is kept, for how long.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Link, useLocation } from 'wouter-preact'
import type { TopicSummary } from '../../src/http/contract.ts'
import { formatBytes, formatCount, formatRate } from '../format/number.ts'
import { useQuery } from '../frame/location.ts'
import { useChannel } from '../live/page.ts'
import { createHistories, slotsFor } from '../live/rates.ts'
import { Time } from '../parts/clock.tsx'
import { CommandLine } from '../parts/copy.tsx'
import { produceCurl } from '../parts/first-steps.tsx'
import { Icon } from '../parts/icon.tsx'
import { SearchField } from '../parts/search.tsx'
import { SortHeader, type SortState } from '../parts/sort.tsx'
import { Sparkline } from '../parts/sparkline.tsx'
import { Card, Empty, SkeletonRows, Tag } from '../parts/surface.tsx'
import { compareValues } from '../widgets/value.ts'
import { CreateTopic } from './topic-create.tsx'
import { recordsText, retentionText } from './topic-retention.ts'

/** Rows drawn at once; a search narrows what lies beyond. */
const rowsMax = 200

/** Kept outside the component: a return to the page finds its curves still there. */
const rates = createHistories()

const columns = {
  name: (topic: TopicSummary) => topic.name,
  rate: (topic: TopicSummary) => topic.recordsPerSecond,
  records: (topic: TopicSummary) => topic.records,
  size: (topic: TopicSummary) => topic.sizeBytes,
  retention: (topic: TopicSummary) => topic.config.retentionMs ?? Number.MAX_VALUE,
  last: (topic: TopicSummary) => topic.lastAppendTime,
} as const

function isColumn(field: string): field is keyof typeof columns {
  return Object.hasOwn(columns, field)
}

export function TopicsPage(): JSX.Element {
  const view = useChannel('topics')
  const [query, change] = useQuery()
  const [creating, setCreating] = useState(query.get('create') !== null)
  const [, navigate] = useLocation()
  const data = view.data.value
  const topics = data?.kind === 'topics' ? data.topics : null
  if (topics) {
    rates.add(view.updatedAt.value ?? 0, new Map(topics.map((topic) => [topic.name, topic.recordsPerSecond])))
  }
  const search = query.get('q') ?? ''
  const internal = query.get('internal') === '1'
  const sort = sortOf(query)
  const shown = topics && filterTopics(topics, search, internal, sort)
  const internalCount = topics?.filter((topic) => topic.internal).length ?? 0
  return (
    <>
      <div class="toolbar">
        <SearchField value={search} label="Search topics" onChange={(text) => change({ q: text })} />
        {internalCount > 0 && (
          <label class="check">
            <input
              type="checkbox"
              checked={internal}
              onChange={() => change({ internal: internal ? null : '1' })}
            />
            Internal ({internalCount})
          </label>
        )}
        <span class="gap" />
        <button type="button" class="button primary" onClick={() => setCreating(true)}>
          <Icon name="plus" size={14} />
          New topic
        </button>
      </div>
      <Card flush>
        {shown === null ? (
          <SkeletonRows />
        ) : shown.length > 0 ? (
          <TopicTable
            topics={shown}
            sort={sort}
            onSort={({ field, descending }) => change({ sort: descending ? `-${field}` : field })}
          />
        ) : topics?.some((topic) => !topic.internal) ? (
          <Empty icon="search" title={`No topic matches “${search}”`}>
            <button type="button" class="link" onClick={() => change({ q: null })}>
              Clear the search
            </button>
          </Empty>
        ) : (
          <NoTopics />
        )}
      </Card>
      {creating && (
        <CreateTopic
          taken={topics?.map((topic) => topic.name) ?? []}
          onClose={() => setCreating(false)}
          onCreated={(name) => navigate(`/topics/${encodeURIComponent(name)}`)}
        />
      )}
    </>
  )
}

function sortOf(query: URLSearchParams): SortState {
  const text = query.get('sort') ?? 'name'
  const field = text.replace(/^-/, '')
  return isColumn(field) ? { field, descending: text.startsWith('-') } : { field: 'name', descending: false }
}

function filterTopics(
  topics: readonly TopicSummary[],
  search: string,
  internal: boolean,
  sort: SortState,
): TopicSummary[] {
  const text = search.trim().toLowerCase()
  const read = isColumn(sort.field) ? columns[sort.field] : columns.name
  return topics
    .filter((topic) => (internal || !topic.internal) && topic.name.toLowerCase().includes(text))
    .sort((a, b) => compareValues(read(a), read(b), sort.descending) || compareValues(a.name, b.name))
}

function NoTopics(): JSX.Element {
  return (
    <Empty icon="topics" title="No topics yet">
      <p>A topic is a durable log of records. Create one here, or from a shell:</p>
      <CommandLine text="pspf topic create orders" />
      <CommandLine label="Then send the first record" text={produceCurl('orders')} />
    </Empty>
  )
}

function TopicTable(props: {
  topics: readonly TopicSummary[]
  sort: SortState
  onSort: (sort: SortState) => void
}): JSX.Element {
  const { topics, ...sorting } = props
  return (
    <div class="table-scroll">
      <table class="table rows" aria-label="Topics">
        <thead>
          <tr>
            <SortHeader field="name" label="Topic" {...sorting} />
            <SortHeader field="rate" label="Rate" number {...sorting} />
            <th scope="col" class="wide-only">
              Last minute
            </th>
            <SortHeader field="records" label="Records" number class="medium-only" {...sorting} />
            <SortHeader field="size" label="Size" number {...sorting} />
            <th scope="col" class="number wide-only">
              Partitions
            </th>
            <SortHeader field="retention" label="Kept for" class="medium-only" {...sorting} />
            <SortHeader field="last" label="Last record" class="medium-only" {...sorting} />
          </tr>
        </thead>
        <tbody>
          {topics.slice(0, rowsMax).map((topic) => (
            <TopicRow key={topic.name} topic={topic} />
          ))}
        </tbody>
      </table>
      {topics.length > rowsMax && (
        <p class="table-note">
          The first {rowsMax} of {formatCount(topics.length)} topics: search to see others.
        </p>
      )}
    </div>
  )
}

function TopicRow({ topic }: { topic: TopicSummary }): JSX.Element {
  const flowing = topic.recordsPerSecond > 0
  const history = rates.of(topic.name)
  return (
    <tr>
      <td class="wide">
        <span class="name-cell">
          <Link class="strong" href={`/topics/${encodeURIComponent(topic.name)}`}>
            {topic.name}
          </Link>
          {topic.internal && <Tag>internal</Tag>}
        </span>
      </td>
      <td class={`number ${flowing ? '' : 'minor'}`}>
        {formatRate(topic.recordsPerSecond)} <span class="minor">/s</span>
      </td>
      <td class="wide-only">
        <Sparkline values={history} slots={slotsFor(history)} fromZero width={110} height={26} />
      </td>
      <td class="number medium-only">{recordsText(topic)}</td>
      <td class="number">{formatBytes(topic.sizeBytes)}</td>
      <td class="number wide-only">{topic.partitions}</td>
      <td class="medium-only">{retentionText(topic.config)}</td>
      <td class="minor medium-only">
        <Time at={topic.lastAppendTime} form="ago" />
      </td>
    </tr>
  )
}
