// The dialog that sends one record: key, value, headers, partition; answers with where it lies once it is on disk.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { ProduceRecordJson } from '../../src/http/contract.ts'
import { type ApiProblem, api } from '../api/client.ts'
import { Field, Select } from '../parts/choice.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { pushToast } from '../parts/toast.tsx'

export function ProduceDialog(props: {
  topic: string
  partitions: number
  onClose: () => void
  onProduced: () => void
}): JSX.Element {
  const [key, setKey] = useState('')
  const [value, setValue] = useState('{\n  "hello": "world"\n}')
  const [headers, setHeaders] = useState('')
  const [partition, setPartition] = useState('auto')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const parsed = parseValue(value)
  const wrongHeaders = headersProblem(headers)

  async function produce(): Promise<void> {
    setBusy(true)
    setProblem(null)
    const record: ProduceRecordJson = {
      value: parsed.value,
      ...(key !== '' && { key }),
      ...(headers.trim() !== '' && { headers: parseHeaders(headers) }),
      ...(partition !== 'auto' && { partition: Number(partition) }),
    }
    try {
      const answer = await api.produce(props.topic, [record])
      const place = answer.offsets[0]
      pushToast({
        tone: 'good',
        text: 'Written and on disk',
        ...(place && { detail: `partition ${place.partition}, offset ${place.offset}` }),
      })
      props.onProduced()
    } catch (thrown) {
      setProblem(thrown as ApiProblem)
    } finally {
      setBusy(false)
    }
  }

  return (
    <Dialog title={`Produce to ${props.topic}`} onClose={props.onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void produce()
        }}
      >
        <Field
          label="Value"
          problem={problem?.message ?? null}
          hint={parsed.json ? 'JSON' : 'Not JSON: it is sent as text'}
        >
          {(id) => (
            <textarea
              id={id}
              rows={8}
              spellcheck={false}
              value={value}
              onInput={(event) => setValue(event.currentTarget.value)}
            />
          )}
        </Field>
        <div class="form-row">
          <Field label="Key" hint="Equal keys share a partition">
            {(id) => (
              <input
                id={id}
                class="input mono"
                autocomplete="off"
                value={key}
                onInput={(event) => setKey(event.currentTarget.value)}
              />
            )}
          </Field>
          {props.partitions > 1 && (
            <Field label="Partition">
              {(id) => (
                <Select
                  id={id}
                  value={partition}
                  options={[
                    { value: 'auto', label: 'By key' },
                    ...Array.from({ length: props.partitions }, (_, index) => ({
                      value: String(index),
                      label: String(index),
                    })),
                  ]}
                  onChange={setPartition}
                />
              )}
            </Field>
          )}
        </div>
        <Field label="Headers" problem={wrongHeaders} hint="One a line, as name: value">
          {(id) => (
            <textarea
              id={id}
              rows={2}
              spellcheck={false}
              value={headers}
              onInput={(event) => setHeaders(event.currentTarget.value)}
            />
          )}
        </Field>
        <div class="form-end">
          <button type="button" class="button" onClick={props.onClose}>
            Close
          </button>
          <button type="submit" class="button primary" disabled={busy || wrongHeaders !== null}>
            {busy ? 'Writing' : 'Produce'}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

function parseValue(text: string): { json: boolean; value: unknown } {
  try {
    return { json: true, value: JSON.parse(text) }
  } catch {
    return { json: false, value: text } // Text is a value too.
  }
}

function headerLines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}

function headersProblem(text: string): string | null {
  const wrong = headerLines(text).find((line) => !/^[^:]+:/.test(line))
  return wrong === undefined ? null : `“${wrong.trim()}” has no colon`
}

function parseHeaders(text: string): Record<string, string> {
  return Object.fromEntries(
    headerLines(text).map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
    }),
  )
}
