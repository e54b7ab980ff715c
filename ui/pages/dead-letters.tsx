// One topic of dead letters: what died, where and why; sent again, or purged.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { DeadLetterJson, DeadLetterTopic } from '../../src/http/contract.ts'
import { type Asked, useAsked } from '../api/asked.ts'
import { api } from '../api/client.ts'
import { formatBytes, formatCount } from '../format/number.ts'
import { visibleText } from '../format/text.ts'
import { useQuery } from '../frame/location.ts'
import { Segments } from '../parts/choice.tsx'
import { Time } from '../parts/clock.tsx'
import { Icon } from '../parts/icon.tsx'
import { SearchField } from '../parts/search.tsx'
import { Card, Empty, Figure, SkeletonRows, Trouble } from '../parts/surface.tsx'
import { LetterDrawer, LetterState, letterId } from './dead-letter.tsx'
import { PurgeDialog, ReplayDialog } from './dead-letter-actions.tsx'

const states = [
  { value: 'waiting', label: 'Waiting' },
  { value: 'replayed', label: 'Replayed' },
  { value: 'all', label: 'All' },
] as const

type State = (typeof states)[number]['value']
type Asking = { kind: 'replay'; letter?: DeadLetterJson } | { kind: 'purge' } | null

const pageLetters = 100

export function DeadLettersPage({ topic }: { topic: string }): JSX.Element {
  const [query, change] = useQuery()
  const [asking, setAsking] = useState<Asking>(null)
  const [open, setOpen] = useState<DeadLetterJson | null>(null)
  const [size, setSize] = useState(pageLetters)
  const state: State = states.find(({ value }) => value === query.get('state'))?.value ?? 'waiting'
  const error = query.get('error') ?? ''
  const filter = { ...(state === 'all' ? {} : { state }), ...(error === '' ? {} : { error }) }
  const topics = useAsked('dlq', api.deadLetterTopics)
  const page = useAsked(JSON.stringify([topic, filter, size]), () =>
    api.deadLetters(topic, { ...filter, limit: size }),
  )
  const summary = topics.answer?.find((one) => one.topic === topic)
  const done = async () => {
    setOpen(null)
    await Promise.all([topics.refresh(), page.refresh()])
  }
  if (topics.answer && !summary) {
    const problem = { message: `There is no topic of dead letters named ${topic}.`, fix: undefined }
    return <Trouble problem={problem} title="Not found" />
  }
  return (
    <>
      <LetterFigures summary={summary} />
      <div class="toolbar">
        <Segments
          label="Letters"
          options={states}
          value={state}
          onChange={(next) => change({ state: next === 'waiting' ? null : next })}
        />
        <SearchField value={error} label="Search errors" onChange={(text) => change({ error: text })} />
        <span class="gap" />
        <div class="toolbar-group">
          <button
            type="button"
            class="button"
            disabled={!summary?.letters}
            onClick={() => setAsking({ kind: 'purge' })}
          >
            <Icon name="trash" size={14} />
            Purge
          </button>
          <button
            type="button"
            class="button primary"
            disabled={!summary?.waiting}
            onClick={() => setAsking({ kind: 'replay' })}
          >
            <Icon name="refresh" size={14} />
            Replay
          </button>
        </div>
      </div>
      <LetterTable page={page} open={open} onOpen={setOpen} onMore={() => setSize(size + pageLetters)} />
      {open && (
        <LetterDrawer
          topic={topic}
          letter={open}
          onReplay={() => setAsking({ kind: 'replay', letter: open })}
          onClose={() => setOpen(null)}
        />
      )}
      {asking?.kind === 'replay' && (
        <ReplayDialog
          topic={topic}
          {...(asking.letter ? { letter: asking.letter } : {})}
          {...(error === '' ? {} : { error })}
          onClose={() => setAsking(null)}
          onDone={done}
        />
      )}
      {asking?.kind === 'purge' && (
        <PurgeDialog
          topic={topic}
          letters={summary?.letters ?? 0}
          onClose={() => setAsking(null)}
          onDone={done}
        />
      )}
    </>
  )
}

function LetterFigures({ summary }: { summary: DeadLetterTopic | undefined }): JSX.Element {
  const [cause] = summary?.causes ?? []
  return (
    <section class="figures card" aria-label="Key figures">
      <Figure
        label="Waiting"
        {...(summary?.waiting ? { tone: 'warn' as const } : {})}
        note={`of ${summary?.of ?? ''}`}
      >
        {summary ? formatCount(summary.waiting) : '–'}
      </Figure>
      <Figure label="Replayed" note="sent again, each once">
        {summary ? formatCount(summary.replayed) : '–'}
      </Figure>
      <Figure label="Newest cause" note={cause ? <bdi>{visibleText(cause.error)}</bdi> : ' '}>
        {cause?.node ?? '–'}
      </Figure>
      <Figure label="Size" note={summary ? `${formatCount(summary.letters)} letters` : ' '}>
        {summary ? formatBytes(summary.sizeBytes) : '–'}
      </Figure>
      <Figure label="Last letter" note={<Time at={summary?.lastAppendTime} />}>
        <Time at={summary?.lastAppendTime} form="ago" />
      </Figure>
    </section>
  )
}

function LetterTable(props: {
  page: Asked<{ letters: DeadLetterJson[]; next: string | null }>
  open: DeadLetterJson | null
  onOpen: (letter: DeadLetterJson) => void
  onMore: () => void
}): JSX.Element {
  const { answer, problem } = props.page
  if (!answer) {
    return problem ? <Trouble problem={problem} title="The letters cannot be read" /> : <SkeletonRows />
  }
  if (answer.letters.length === 0) {
    return (
      <Card>
        <Empty icon="check" title="No such letters">
          <p>Nothing here waits, or nothing fits the filter.</p>
        </Empty>
      </Card>
    )
  }
  return (
    <Card flush>
      <div class="table-scroll">
        <table class="table compact rows letters" aria-label="Dead letters">
          <thead>
            <tr>
              <th scope="col">Letter</th>
              <th scope="col">Error</th>
              <th scope="col" class="medium-only">
                Operator
              </th>
              <th scope="col" class="wide-only">
                Record
              </th>
              <th scope="col" class="medium-only">
                Time
              </th>
              <th scope="col" class="medium-only">
                State
              </th>
            </tr>
          </thead>
          <tbody>
            {answer.letters.map((letter) => (
              <LetterRow key={letterId(letter)} letter={letter} {...props} />
            ))}
          </tbody>
        </table>
        {answer.next !== null && (
          <button type="button" class="table-more" onClick={props.onMore}>
            Show older letters
          </button>
        )}
      </div>
    </Card>
  )
}

function LetterRow(props: {
  letter: DeadLetterJson
  open: DeadLetterJson | null
  onOpen: (letter: DeadLetterJson) => void
}): JSX.Element {
  const { letter, open } = props
  const isOpen = open !== null && letterId(open) === letterId(letter)
  return (
    <tr class={isOpen ? 'open' : undefined} onClick={() => props.onOpen(letter)}>
      <td>
        <button type="button" class="link" aria-label={`Open letter ${letterId(letter)}`}>
          {letterId(letter)}
        </button>
      </td>
      <td class="mono wide">
        <bdi>{visibleText(letter.error || 'no dead letter')}</bdi>
      </td>
      <td class="medium-only">{letter.node}</td>
      <td class="minor wide-only">
        {letter.topic}-{letter.record.partition}:{letter.record.offset}
      </td>
      <td class="minor medium-only">
        <Time at={letter.record.timestamp} />
      </td>
      <td class="medium-only">
        <LetterState letter={letter} />
      </td>
    </tr>
  )
}
