// The message browser: where to begin, how many, what of it; live tail; one record in a drawer.
import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { RecordJson, TopicDetail } from '../../src/http/contract.ts'
import { type ApiProblem, api, baseUrl } from '../api/client.ts'
import { formatCount } from '../format/number.ts'
import { cliOf, curlOf, matchesText, type RecordsQuery } from '../format/record.ts'
import { useQuery } from '../frame/location.ts'
import { Segments, Select } from '../parts/choice.tsx'
import { CommandLine, CopyButton } from '../parts/copy.tsx'
import { produceCurl } from '../parts/first-steps.tsx'
import { Icon } from '../parts/icon.tsx'
import { SearchField } from '../parts/search.tsx'
import { Card, Empty, SkeletonRows, Trouble } from '../parts/surface.tsx'
import {
  addPages,
  chooseRanges,
  firstRequests,
  type Loaded,
  limits,
  moreRequests,
  nothingLoaded,
  type PageRequest,
  type Position,
  parsePosition,
  partitionsReadMax,
  recordId,
  writePosition,
} from './browse.ts'
import { MessageTable } from './message-table.tsx'
import { ProduceDialog } from './topic-produce.tsx'
import { RecordDrawer } from './topic-record.tsx'
import { TailTable } from './topic-tail.tsx'

const positions = [
  { value: 'newest', label: 'Newest' },
  { value: 'oldest', label: 'Oldest' },
  { value: 'offset', label: 'Offset' },
  { value: 'time', label: 'Time' },
  { value: 'live', label: 'Live' },
] as const

type Reading = {
  loaded: Loaded
  busy: boolean
  problem: ApiProblem | null
  elapsedMs: number
}

const start: Reading = { loaded: nothingLoaded, busy: true, problem: null, elapsedMs: 0 }

export function TopicMessages(props: {
  detail: TopicDetail
  refresh: () => Promise<TopicDetail | null>
}): JSX.Element {
  const { detail } = props
  const [query, change] = useQuery()
  const [producing, setProducing] = useState(false)
  const [tailed, setTailed] = useState<RecordJson | null>(null)
  const [reload, setReload] = useState(0)
  const position = parsePosition(query.get('from'))
  const partition = query.get('partition') === null ? null : Number(query.get('partition'))
  const limit = limits.find((choice) => String(choice) === query.get('limit')) ?? limits[0]
  const filter = query.get('q') ?? ''
  const { reading, more } = useRecords(props, position, partition, limit, reload)
  const shown = reading.loaded.records.filter((record) => matchesText(record, filter))
  const found = useOpenRecord(detail.name, query.get('row'), reading.loaded.records)
  const open = position.kind === 'live' ? tailed : found
  const setOpen = (record: RecordJson | null) => change({ row: record === null ? null : recordId(record) })
  const first = firstRequests(position, chooseRanges(detail.partitionList, partition), limit)[0]
  const command: RecordsQuery = {
    topic: detail.name,
    partition: detail.partitions > 1 ? (first?.partition ?? 0) : null,
    from: first?.from ?? 'earliest',
    limit,
  }

  function choose(kind: Position['kind']): void {
    const first = detail.partitionList[0]
    const next: Position =
      kind === 'offset'
        ? { kind, offset: first?.startOffset ?? 0 }
        : kind === 'time'
          ? { kind, at: localInput(Math.max(0, detail.lastAppendTime - 3_600_000)) }
          : { kind }
    change({ from: writePosition(next) })
  }

  return (
    <>
      <div class="toolbar">
        <Segments label="Begin at" options={positions} value={position.kind} onChange={choose} />
        {position.kind === 'offset' && (
          <input
            class="input short"
            type="number"
            min={0}
            aria-label="Offset"
            value={position.offset}
            onChange={(event) => change({ from: String(event.currentTarget.valueAsNumber || 0) })}
          />
        )}
        {position.kind === 'time' && (
          <input
            class="input time"
            type="datetime-local"
            step={1}
            aria-label="Time, in this browser's zone"
            value={position.at}
            onChange={(event) => change({ from: event.currentTarget.value })}
          />
        )}
        {detail.partitions > 1 && position.kind !== 'live' && (
          <Select
            label="Partition"
            value={String(partition ?? 'all')}
            options={[
              { value: 'all', label: 'All partitions' },
              ...detail.partitionList.map((range) => ({
                value: String(range.partition),
                label: `Partition ${range.partition}`,
              })),
            ]}
            onChange={(value) => change({ partition: value === 'all' ? null : value })}
          />
        )}
        {position.kind !== 'live' && (
          <Select
            label="Records a page"
            value={String(limit)}
            options={limits.map((choice) => ({
              value: String(choice),
              label:
                detail.partitions > 1 && partition === null ? `${choice} a partition` : `${choice} a page`,
            }))}
            onChange={(value) => change({ limit: value === String(limits[0]) ? null : value })}
          />
        )}
        <SearchField value={filter} label="Filter what is loaded" onChange={(text) => change({ q: text })} />
        <span class="gap" />
        {position.kind !== 'live' && (
          <button type="button" class="button" onClick={() => setReload(reload + 1)}>
            <Icon name="refresh" size={14} />
            Reload
          </button>
        )}
        <button type="button" class="button primary" onClick={() => setProducing(true)}>
          <Icon name="send" size={14} />
          Produce
        </button>
      </div>
      {position.kind === 'live' ? (
        <TailTable topic={detail.name} filter={filter} several={detail.partitions > 1} onOpen={setTailed} />
      ) : (
        <Card
          flush
          title={
            <ReadingNote reading={reading} shown={shown.length} filtered={filter !== ''} detail={detail} />
          }
          actions={
            <>
              <CopyButton text={() => curlOf(baseUrl(), command)} label="curl" />
              <CopyButton text={() => cliOf(command)} label="CLI" />
            </>
          }
        >
          {reading.problem ? (
            <Trouble problem={reading.problem} title="These records cannot be read" />
          ) : reading.busy && reading.loaded.records.length === 0 ? (
            <SkeletonRows />
          ) : shown.length > 0 ? (
            <MessageTable records={shown} several={detail.partitions > 1} onOpen={setOpen} open={open} />
          ) : (
            <NoMessages detail={detail} filter={filter} />
          )}
          {more && !reading.busy && (
            <button type="button" class="table-more" onClick={more}>
              {position.kind === 'newest' ? 'Load older' : 'Load more'}
            </button>
          )}
        </Card>
      )}
      {open && (
        <RecordDrawer
          topic={detail.name}
          record={open}
          neighbours={position.kind === 'live' ? [] : shown}
          onOpen={setOpen}
          onClose={() => (position.kind === 'live' ? setTailed(null) : setOpen(null))}
        />
      )}
      {producing && (
        <ProduceDialog
          topic={detail.name}
          partitions={detail.partitions}
          onClose={() => setProducing(false)}
          onProduced={() => setReload(reload + 1)}
        />
      )}
    </>
  )
}

/** `datetime-local` speaks of local time without a zone. */
function localInput(at: number): string {
  const date = new Date(at)
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

function useRecords(
  topic: { detail: TopicDetail; refresh: () => Promise<TopicDetail | null> },
  position: Position,
  partition: number | null,
  limit: number,
  reload: number,
): { reading: Reading; more: (() => void) | null } {
  const [reading, setReading] = useState<Reading>(start)
  const running = useRef<AbortController | null>(null)
  const { name } = topic.detail
  const positionKey = writePosition(position)

  async function read(requests: readonly PageRequest[], before: Loaded): Promise<void> {
    running.current?.abort()
    const abort = new AbortController()
    running.current = abort
    setReading({ loaded: before, busy: true, problem: null, elapsedMs: 0 })
    const startedAt = performance.now()
    try {
      const pages = await Promise.all(
        requests.map(async (request) => ({
          partition: request.partition,
          page: await api.records({ topic: name, ...request }, abort.signal),
        })),
      )
      if (abort.signal.aborted) return
      const loaded = addPages(position, before, pages)
      setReading({ loaded, busy: false, problem: null, elapsedMs: performance.now() - startedAt })
    } catch (thrown) {
      if (abort.signal.aborted) return
      setReading({ loaded: before, busy: false, problem: thrown as ApiProblem, elapsedMs: 0 })
    }
  }

  useEffect(() => {
    if (position.kind === 'live') return
    let gone = false
    async function begin(): Promise<void> {
      // "Newest" counts back from the end, so the end must be known now, not some seconds ago.
      const detail = (await topic.refresh()) ?? topic.detail
      if (gone) return
      const ranges = chooseRanges(detail.partitionList, partition)
      await read(firstRequests(position, ranges, limit), nothingLoaded)
    }
    void begin()
    return () => {
      gone = true
      running.current?.abort()
    }
  }, [name, positionKey, partition, limit, reload])

  const ranges = chooseRanges(topic.detail.partitionList, partition)
  const next = moreRequests(position, ranges, reading.loaded.spans, limit)
  return { reading, more: next.length > 0 ? () => void read(next, reading.loaded) : null }
}

/** The record a link names: among those loaded, else asked for by itself. */
function useOpenRecord(topic: string, id: string | null, loaded: readonly RecordJson[]): RecordJson | null {
  const [asked, setAsked] = useState<RecordJson | null>(null)
  const here = id === null ? undefined : loaded.find((record) => recordId(record) === id)
  const missing = id !== null && here === undefined
  useEffect(() => {
    const [partition, offset] = (id ?? '').split(':')
    if (!missing || !partition || !offset) return
    const abort = new AbortController()
    const query = { topic, partition: Number(partition), from: offset, limit: 1 }
    api.records(query, abort.signal).then(
      ({ records }) => setAsked(records.find((record) => recordId(record) === id) ?? null),
      () => setAsked(null), // The list beside it says what is wrong with the topic.
    )
    return () => abort.abort()
  }, [topic, id, missing])
  if (id === null) return null
  return here ?? (asked !== null && recordId(asked) === id ? asked : null)
}

function ReadingNote(props: {
  reading: Reading
  shown: number
  filtered: boolean
  detail: TopicDetail
}): JSX.Element {
  const { reading, shown, filtered, detail } = props
  const total = detail.partitionList.reduce((sum, range) => sum + range.endOffset - range.startOffset, 0)
  const loaded = reading.loaded.records.length
  return (
    <span class="reading">
      {filtered
        ? `${formatCount(shown)} match in ${formatCount(loaded)} loaded`
        : `${formatCount(loaded)} loaded`}
      <span class="faint">
        {' '}
        of {formatCount(total)}
        {reading.elapsedMs > 0 && ` in ${Math.round(reading.elapsedMs)} ms`}
        {detail.partitions > partitionsReadMax && `, first ${partitionsReadMax} partitions`}
      </span>
    </span>
  )
}

function NoMessages({ detail, filter }: { detail: TopicDetail; filter: string }): JSX.Element {
  if (filter !== '') {
    return (
      <Empty icon="filter" title="Nothing that is loaded matches">
        <p>The filter looks at the records on this page only. Load more, or begin somewhere else.</p>
      </Empty>
    )
  }
  if (detail.records > 0) {
    return <Empty icon="topics" title="No records from here on" />
  }
  return (
    <Empty icon="topics" title="This topic is empty">
      <p>Send the first record:</p>
      <CommandLine label="curl" text={produceCurl(detail.name)} />
      <CommandLine label="command line" text={`echo '{"hello":"world"}' | pspf produce ${detail.name}`} />
    </Empty>
  )
}
