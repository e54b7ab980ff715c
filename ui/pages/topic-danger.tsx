// The end of a topic: says what is lost and who notices, and asks for the name.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { useLocation } from 'wouter-preact'
import type { TopicDetail } from '../../src/http/contract.ts'
import { type ApiProblem, api } from '../api/client.ts'
import { formatBytes } from '../format/number.ts'
import { Field } from '../parts/choice.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Icon } from '../parts/icon.tsx'
import { Card } from '../parts/surface.tsx'
import { pushToast } from '../parts/toast.tsx'
import { recordsText } from './topic-retention.ts'

export function TopicDanger({ detail }: { detail: TopicDetail }): JSX.Element {
  const [asking, setAsking] = useState(false)
  return (
    <>
      <Card title="Delete this topic" class="narrow">
        <div class="stack">
          <p>
            {recordsText(detail)} records ({formatBytes(detail.sizeBytes)}) are deleted for good.
            {detail.readers.length > 0 && (
              <>
                {' '}
                Read by{' '}
                {detail.readers.map(({ group }, index) => (
                  <span key={group}>
                    {index > 0 && ', '}
                    <strong>{group}</strong>
                  </span>
                ))}
                .
              </>
            )}
          </p>
          <div>
            <button type="button" class="button danger" onClick={() => setAsking(true)}>
              <Icon name="trash" size={14} />
              Delete topic
            </button>
          </div>
        </div>
      </Card>
      {asking && <DeleteDialog detail={detail} onClose={() => setAsking(false)} />}
    </>
  )
}

function DeleteDialog({ detail, onClose }: { detail: TopicDetail; onClose: () => void }): JSX.Element {
  const [typed, setTyped] = useState('')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const [, navigate] = useLocation()

  async function remove(): Promise<void> {
    setBusy(true)
    try {
      await api.deleteTopic(detail.name)
      pushToast({ tone: 'good', text: `Topic ${detail.name} deleted` })
      navigate('/topics')
    } catch (thrown) {
      setProblem(thrown as ApiProblem)
      setBusy(false)
    }
  }

  return (
    <Dialog title={`Delete ${detail.name}?`} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          if (typed === detail.name) void remove()
        }}
      >
        <p>This cannot be undone. Type the topic's name to go on.</p>
        <Field label={`Type ${detail.name}`} problem={problem?.message ?? null}>
          {(id) => (
            <input
              id={id}
              class="input mono"
              autocomplete="off"
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          )}
        </Field>
        <div class="form-end">
          <button type="button" class="button" onClick={onClose}>
            Keep it
          </button>
          <button type="submit" class="button danger" disabled={typed !== detail.name || busy}>
            Delete for good
          </button>
        </div>
      </form>
    </Dialog>
  )
}
