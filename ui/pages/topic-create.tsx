// The dialog that creates a topic, with the command that would do the same.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { type ApiProblem, api } from '../api/client.ts'
import { shellQuote } from '../format/record.ts'
import { Field, Select } from '../parts/choice.tsx'
import { CommandLine } from '../parts/copy.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { pushToast } from '../parts/toast.tsx'
import { nameProblem, retentionChoices, retentionForShell, retentionOf } from './topic-retention.ts'

const weekMs = 7 * 86_400_000
const partitionsMax = 1_000

export function CreateTopic(props: {
  taken: readonly string[]
  onClose: () => void
  onCreated: (name: string) => void
}): JSX.Element {
  const [name, setName] = useState('')
  const [partitions, setPartitions] = useState(1)
  const [retention, setRetention] = useState(String(weekMs))
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const [busy, setBusy] = useState(false)
  const wrong = nameProblem(name, props.taken)

  async function create(): Promise<void> {
    setBusy(true)
    setProblem(null)
    try {
      await api.createTopic({ name, partitions, config: { retentionMs: retentionOf(retention) } })
      pushToast({ tone: 'good', text: `Topic ${name} created` })
      props.onClose()
      props.onCreated(name)
    } catch (thrown) {
      setProblem(thrown as ApiProblem)
    } finally {
      setBusy(false)
    }
  }

  return (
    <Dialog title="New topic" onClose={props.onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void create()
        }}
      >
        <Field
          label="Name"
          problem={wrong ?? problem?.message ?? null}
          hint="For example orders or sensor.readings"
        >
          {(id) => (
            <input
              id={id}
              class="input mono"
              autocomplete="off"
              spellcheck={false}
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          )}
        </Field>
        <div class="form-row">
          <Field label="Partitions" hint="Tasks that can work in parallel">
            {(id) => (
              <input
                id={id}
                class="input"
                type="number"
                min={1}
                max={partitionsMax}
                value={partitions}
                onInput={(event) => setPartitions(event.currentTarget.valueAsNumber || 1)}
              />
            )}
          </Field>
          <Field label="Keep records" hint="Counted from when they arrived">
            {(id) => <Select id={id} value={retention} options={retentionChoices} onChange={setRetention} />}
          </Field>
        </div>
        <CommandLine label="The same from a shell" text={commandOf(name, partitions, retention)} />
        <div class="form-end">
          <button type="button" class="button" onClick={props.onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={busy || name === '' || wrong !== null}>
            {busy ? 'Creating' : 'Create topic'}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

function commandOf(name: string, partitions: number, retention: string): string {
  const parts = ['pspf topic create', shellQuote(name || 'NAME')]
  if (partitions !== 1) parts.push(`--partitions ${partitions}`)
  if (retention !== String(weekMs)) parts.push(`--set retention=${retentionForShell(retentionOf(retention))}`)
  return parts.join(' ')
}
