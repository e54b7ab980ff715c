// One dead letter in a drawer: why it died, with the stack, and the record as it was.
import type { JSX } from 'preact'
import { Link } from 'wouter-preact'
import type { DeadLetterJson } from '../../src/http/contract.ts'
import { prettyOf } from '../format/record.ts'
import { visibleText } from '../format/text.ts'
import { Time } from '../parts/clock.tsx'
import { CopyButton } from '../parts/copy.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Icon } from '../parts/icon.tsx'
import { JsonTree } from '../parts/json-tree.tsx'
import { Preview } from '../parts/preview.tsx'
import { Badge, Tag } from '../parts/surface.tsx'

export const letterId = ({ partition, offset }: DeadLetterJson): string => `${partition}:${offset}`

export function LetterDrawer(props: {
  topic: string
  letter: DeadLetterJson
  onReplay: () => void
  onClose: () => void
}): JSX.Element {
  const { topic, letter } = props
  const { record } = letter
  const headers = Object.entries(record.headers)
  const canReplay = letter.state === 'waiting' && letter.kind === 'record'
  const place = `/topics/${encodeURIComponent(letter.topic)}?partition=${record.partition}&from=${record.offset}`
  return (
    <Dialog kind="drawer" title={`Letter ${letterId(letter)}`} onClose={props.onClose}>
      <div class="stack">
        <p class="letter-error mono">{visibleText(letter.error)}</p>
        <dl class="facts">
          <dt>State</dt>
          <dd>
            <LetterState letter={letter} />
          </dd>
          <dt>Operator</dt>
          <dd>
            <Link href={`/apps/${encodeURIComponent(letter.app)}`}>{letter.app}</Link>{' '}
            <span class="faint">/</span> {letter.node} <span class="faint">task {letter.task}</span>
          </dd>
          <dt>Record</dt>
          <dd>
            <Link href={place}>{letter.topic}</Link> <span class="faint">partition</span> {record.partition}{' '}
            <span class="faint">offset</span> {record.offset}
          </dd>
          <dt>Time</dt>
          <dd>
            <Time at={record.timestamp} />
          </dd>
          <dt>Attempts</dt>
          <dd>
            {letter.attempts}{' '}
            <span class="faint">{letter.stage === 'read' ? 'could not be read' : 'a function threw'}</span>
          </dd>
          <dt>Key</dt>
          <dd class="mono">
            <Preview value={record.key} lengthMax={2_000} />
          </dd>
        </dl>
        <div class="toolbar flat">
          <h3>Value</h3>
          <span class="gap" />
          <CopyButton text={prettyOf(record.value)} label="Value" />
          <CopyButton text={`pspf dlq replay ${topic} --letter ${letterId(letter)}`} label="CLI" />
          <button type="button" class="button small primary" disabled={!canReplay} onClick={props.onReplay}>
            <Icon name="refresh" size={14} />
            Replay
          </button>
        </div>
        <div class="code-block">
          <JsonTree key={letterId(letter)} value={record.value} />
        </div>
        {headers.length > 0 && (
          <dl class="facts mono">
            {headers.map(([name, value]) => (
              <div class="facts-row" key={name}>
                <dt>{visibleText(name)}</dt>
                <dd>{visibleText(value)}</dd>
              </div>
            ))}
          </dl>
        )}
        {letter.stack !== '' && (
          <>
            <h3>Stack</h3>
            <pre class="code-block wrap">{visibleText(letter.stack)}</pre>
          </>
        )}
      </div>
    </Dialog>
  )
}

export function LetterState({ letter }: { letter: DeadLetterJson }): JSX.Element {
  if (letter.state === 'replayed') return <Badge tone="good">Replayed</Badge>
  if (letter.kind === 'record') return <Badge tone="warn">Waiting</Badge>
  return (
    <Tag title="There is no record that could be sent">{letter.kind === 'row' ? 'row' : 'no letter'}</Tag>
  )
}
