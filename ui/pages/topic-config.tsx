// The configuration of a topic: what holds, and changing how long records are kept.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { TopicDetail } from '../../src/http/contract.ts'
import { type ApiProblem, api } from '../api/client.ts'
import { formatBytes } from '../format/number.ts'
import { shellQuote } from '../format/record.ts'
import { Field, Select } from '../parts/choice.tsx'
import { Time } from '../parts/clock.tsx'
import { CommandLine, CopyButton } from '../parts/copy.tsx'
import { Card } from '../parts/surface.tsx'
import { pushToast } from '../parts/toast.tsx'
import { choicesWith, retentionForShell, retentionOf, retentionText } from './topic-retention.ts'

const cleanupText: Record<string, string> = {
  delete: 'old records go when their time is over',
  compact: 'the latest record of each key stays; time deletes nothing',
  'compact,delete': 'the latest record of each key stays until its time is over',
}

export function TopicConfig(props: { detail: TopicDetail; onChanged: () => Promise<unknown> }): JSX.Element {
  const { detail } = props
  return (
    <div class="split">
      {detail.config.cleanupPolicy !== 'compact' && (
        <Retention key={String(detail.config.retentionMs)} {...props} />
      )}
      <Card title="Facts">
        <dl class="facts">
          <dt>Cleanup</dt>
          <dd>
            {detail.config.cleanupPolicy}{' '}
            <span class="faint">{cleanupText[detail.config.cleanupPolicy]}</span>
          </dd>
          <dt>Compression</dt>
          <dd>{detail.config.compression}</dd>
          <dt>Durability</dt>
          <dd>
            {detail.config.durability} <span class="faint">a power cut loses {detail.powerCutLoses}</span>
          </dd>
          <dt>Size limit</dt>
          <dd>
            {detail.config.retentionBytes === null
              ? 'none'
              : `${formatBytes(detail.config.retentionBytes)} a partition`}
          </dd>
          <dt>Partitions</dt>
          <dd>{detail.partitions}</dd>
          <dt>Created</dt>
          <dd>
            <Time at={detail.createdAt} />
          </dd>
          <dt>Id</dt>
          <dd class="mono">
            {detail.id} <CopyButton text={detail.id} label="Copy the id" quiet />
          </dd>
        </dl>
      </Card>
    </div>
  )
}

function Retention(props: { detail: TopicDetail; onChanged: () => Promise<unknown> }): JSX.Element {
  const { detail } = props
  const { retentionMs } = detail.config
  const [choice, setChoice] = useState(String(retentionMs))
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const next = retentionOf(choice)
  const changed = choice !== String(retentionMs)
  const shorter = changed && next !== null && (retentionMs === null || next < retentionMs)

  async function save(): Promise<void> {
    setBusy(true)
    setProblem(null)
    try {
      await api.alterTopic(detail.name, { retentionMs: next })
      pushToast({ tone: 'good', text: 'Retention changed' })
      await props.onChanged()
    } catch (thrown) {
      setProblem(thrown as ApiProblem)
    } finally {
      setBusy(false)
    }
  }

  return (
    <Card title="Retention">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        <Field
          label="Keep records"
          problem={problem?.message ?? null}
          hint="Counted from when they arrived, so that replayed history is not deleted at once"
        >
          {(id) => <Select id={id} value={choice} options={choicesWith(retentionMs)} onChange={setChoice} />}
        </Field>
        {changed && (
          <p class={shorter ? 'change-note warn' : 'change-note'}>
            {retentionText({ ...detail.config, retentionBytes: null })} →{' '}
            <strong>{retentionText({ ...detail.config, retentionMs: next, retentionBytes: null })}</strong>
            {shorter && '. Older records are deleted for good.'}
          </p>
        )}
        <CommandLine
          label="The same from a shell"
          text={`pspf topic alter ${shellQuote(detail.name)} --set retention=${retentionForShell(next)}`}
        />
        <div class="form-end">
          <button type="submit" class="button primary" disabled={!changed || busy}>
            {busy ? 'Saving' : 'Save'}
          </button>
        </div>
      </form>
    </Card>
  )
}
