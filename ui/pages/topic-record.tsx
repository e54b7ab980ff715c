// One record in a drawer: decoded, raw, headers, and the commands that fetch exactly it.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { RecordJson } from '../../src/http/contract.ts'
import { baseUrl } from '../api/client.ts'
import { formatBytes } from '../format/number.ts'
import { cliOf, curlOf, prettyOf } from '../format/record.ts'
import { visibleText } from '../format/text.ts'
import { formatUtc } from '../format/time.ts'
import { Segments } from '../parts/choice.tsx'
import { Time } from '../parts/clock.tsx'
import { CopyButton } from '../parts/copy.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Icon } from '../parts/icon.tsx'
import { JsonTree } from '../parts/json-tree.tsx'
import { Preview } from '../parts/preview.tsx'
import { Tag } from '../parts/surface.tsx'
import { recordId } from './browse.ts'

const views = [
  { value: 'tree', label: 'Tree' },
  { value: 'raw', label: 'Raw' },
  { value: 'headers', label: 'Headers' },
] as const

/** Drawn as raw text; the copy button takes all of it. */
const rawLengthMax = 200_000

export function RecordDrawer(props: {
  topic: string
  record: RecordJson
  neighbours: readonly RecordJson[]
  onOpen: (record: RecordJson) => void
  onClose: () => void
}): JSX.Element {
  const { topic, record, neighbours } = props
  const [view, setView] = useState<(typeof views)[number]['value']>('tree')
  const index = neighbours.findIndex((other) => recordId(other) === recordId(record))
  const query = { topic, partition: record.partition, from: String(record.offset), limit: 1 }
  const headers = Object.entries(record.headers)
  const raw = prettyOf(record.value)
  return (
    <Dialog
      kind="drawer"
      title={`Record ${record.offset}`}
      onClose={props.onClose}
      actions={
        <>
          <Step label="Previous record" icon="up" to={neighbours[index - 1]} onOpen={props.onOpen} />
          <Step
            label="Next record"
            icon="fall"
            to={index >= 0 ? neighbours[index + 1] : undefined}
            onOpen={props.onOpen}
          />
        </>
      }
    >
      <div class="stack">
        <dl class="facts">
          <dt>Topic</dt>
          <dd>
            {topic} <span class="faint">partition</span> {record.partition} <span class="faint">offset</span>{' '}
            {record.offset}
          </dd>
          <dt>Time</dt>
          <dd>
            <Time at={record.timestamp} /> <span class="faint">{formatUtc(record.timestamp)}</span>
          </dd>
          <dt>Key</dt>
          <dd class="mono">
            <Preview value={record.key} lengthMax={2_000} /> {record.encoding?.key && <Tag>base64</Tag>}
          </dd>
          <dt>Value</dt>
          <dd>
            {formatBytes(raw.length)} <span class="faint">as text</span>{' '}
            {record.encoding?.value && <Tag title="The bytes are neither JSON nor text">base64</Tag>}
          </dd>
        </dl>
        <div class="toolbar flat">
          <Segments
            label="View"
            options={views.map((option) =>
              option.value === 'headers' ? { ...option, label: `Headers (${headers.length})` } : option,
            )}
            value={view}
            onChange={setView}
          />
          <span class="gap" />
          <CopyButton text={raw} label="Value" />
          <CopyButton text={() => curlOf(baseUrl(), query)} label="curl" />
          <CopyButton text={() => cliOf(query)} label="CLI" />
        </div>
        {view === 'tree' ? (
          <div class="code-block">
            <JsonTree key={recordId(record)} value={record.value} />
          </div>
        ) : view === 'raw' ? (
          <pre class="code-block wrap">{visibleText(raw.slice(0, rawLengthMax))}</pre>
        ) : headers.length === 0 ? (
          <p class="faint">This record has no headers.</p>
        ) : (
          <dl class="facts mono">
            {headers.map(([name, value]) => (
              <div class="facts-row" key={name}>
                <dt>{visibleText(name)}</dt>
                <dd>{visibleText(value)}</dd>
              </div>
            ))}
          </dl>
        )}
      </div>
    </Dialog>
  )
}

function Step(props: {
  label: string
  icon: 'up' | 'fall'
  to: RecordJson | undefined
  onOpen: (record: RecordJson) => void
}): JSX.Element {
  const { to } = props
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={props.label}
      title={props.label}
      disabled={!to}
      onClick={() => to && props.onOpen(to)}
    >
      <Icon name={props.icon} size={14} />
    </button>
  )
}
