// The live tail of a topic: newest first, bounded, and honest about what it skipped.
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import type { RecordJson } from '../../src/http/contract.ts'
import { formatCount } from '../format/number.ts'
import { matchesText } from '../format/record.ts'
import { live, useChannel } from '../live/page.ts'
import { Icon } from '../parts/icon.tsx'
import { Card, Empty, SkeletonRows, Trouble } from '../parts/surface.tsx'
import { MessageTable } from './message-table.tsx'

/** Rows drawn; the page keeps more, so that a filter finds them. */
const rowsShown = 200

export function TailTable(props: {
  topic: string
  filter: string
  several: boolean
  onOpen: (record: RecordJson) => void
}): JSX.Element {
  const view = useChannel(`tail/${props.topic}`)
  const data = view.data.value
  const tail = data?.kind === 'tail' ? data : null
  const shown = useMemo(
    () =>
      (tail?.records ?? [])
        .filter((record) => matchesText(record, props.filter))
        .slice(-rowsShown)
        .reverse(),
    [tail, props.filter],
  )
  const paused = live.paused.value
  return (
    <Card
      flush
      title={
        <span class="reading">
          {paused ? 'Paused' : 'Live'}
          <span class="faint">
            {' '}
            newest {formatCount(shown.length)} of {formatCount(tail?.records.length ?? 0)} received
            {tail !== null &&
              tail.skipped > 0 &&
              `, ${formatCount(tail.skipped)} skipped because they came too fast`}
          </span>
        </span>
      }
      actions={
        <button type="button" class="button small" onClick={() => live.setPaused(!paused)}>
          <Icon name={paused ? 'play' : 'pause'} size={12} />
          {paused
            ? `Resume${live.buffered.value > 0 ? ` (${formatCount(live.buffered.value)})` : ''}`
            : 'Pause'}
        </button>
      }
    >
      {view.problem.value && !tail ? (
        <Trouble
          problem={{ message: view.problem.value.message, fix: view.problem.value.fix }}
          title="The tail cannot be shown"
        />
      ) : !tail ? (
        <SkeletonRows />
      ) : shown.length === 0 ? (
        <Empty
          icon="clock"
          title={props.filter === '' ? 'Waiting for the next record' : 'Nothing matches yet'}
        />
      ) : (
        <MessageTable records={shown} several={props.several} onOpen={props.onOpen} />
      )}
    </Card>
  )
}
