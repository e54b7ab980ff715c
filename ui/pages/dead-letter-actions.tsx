// The two things one can do with dead letters. Each first says what it would do.
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { DeadLetterJson, ReplayAnswer, ReplayLetters } from '../../src/http/contract.ts'
import { type ApiProblem, api } from '../api/client.ts'
import { formatCount } from '../format/number.ts'
import { Field, Segments } from '../parts/choice.tsx'
import { CommandLine } from '../parts/copy.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { pushToast } from '../parts/toast.tsx'
import { letterId } from './dead-letter.tsx'

const times = [
  { value: 'own', label: 'Their own' },
  { value: 'now', label: 'Now' },
] as const

const recordsText = (count: number) => `${formatCount(count)} ${count === 1 ? 'record' : 'records'}`

export function ReplayDialog(props: {
  topic: string
  letter?: DeadLetterJson
  error?: string
  onClose: () => void
  onDone: () => Promise<void>
}): JSX.Element {
  const { topic, letter, error } = props
  const [at, setAt] = useState<'own' | 'now'>('own')
  const [preview, setPreview] = useState<ReplayAnswer | null>(null)
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const [busy, setBusy] = useState(false)
  const request: ReplayLetters = {
    ...(letter ? { letters: [{ partition: letter.partition, offset: letter.offset }] } : {}),
    ...(!letter && error !== undefined ? { error } : {}),
    ...(at === 'now' ? { at } : {}),
  }

  useEffect(() => {
    api.replayLetters(topic, { ...request, dryRun: true }).then(setPreview, setProblem)
  }, [topic])

  async function replay(): Promise<void> {
    setBusy(true)
    try {
      let answer = await api.replayLetters(topic, request)
      let sent = answer.replayed
      while (answer.more) {
        answer = await api.replayLetters(topic, request)
        sent += answer.replayed
      }
      pushToast({ tone: 'good', text: `${recordsText(sent)} sent again` })
      props.onClose()
      await props.onDone()
    } catch (thrown) {
      setProblem(thrown as ApiProblem)
      setBusy(false)
    }
  }

  const what = letter ? `letter ${letterId(letter)}` : 'letters'
  return (
    <Dialog title={`Replay ${what}?`} onClose={props.onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void replay()
        }}
      >
        {preview ? (
          <Preview answer={preview} />
        ) : (
          <p class="faint">{problem ? problem.message : 'Counting …'}</p>
        )}
        <Field label="Time of the records" hint="Event time that a topic takes from the row stays what it is">
          {() => <Segments label="Time of the records" options={times} value={at} onChange={setAt} />}
        </Field>
        <CommandLine label="The same from a shell" text={commandOf(topic, request)} />
        <End problem={preview ? problem : null} onClose={props.onClose}>
          <button type="submit" class="button primary" disabled={busy || !preview?.replayed}>
            {busy ? 'Replaying' : 'Replay'}
          </button>
        </End>
      </form>
    </Dialog>
  )
}

function Preview({ answer }: { answer: ReplayAnswer }): JSX.Element {
  return (
    <>
      {answer.into.map(({ topic, records }) => (
        <p key={topic}>
          <strong>{recordsText(records)}</strong> {records === 1 ? 'goes' : 'go'} back into{' '}
          <strong>{topic}</strong>, as they were. Each letter is sent once, however often this is asked for.
        </p>
      ))}
      {answer.replayed === 0 && <p>There is nothing to send.</p>}
      {answer.skipped > 0 && (
        <p>
          {formatCount(answer.skipped)} cannot be sent: {answer.why[0]?.why}.
        </p>
      )}
    </>
  )
}

function commandOf(topic: string, { letters, error, at }: ReplayLetters): string {
  const parts = [`pspf dlq replay ${topic}`]
  for (const { partition, offset } of letters ?? []) parts.push(`--letter ${partition}:${offset}`)
  if (error !== undefined) parts.push(`--error '${error.replaceAll("'", "'\\''")}'`)
  if (at !== undefined) parts.push(`--at ${at}`)
  return parts.join(' ')
}

export function PurgeDialog(props: {
  topic: string
  letters: number
  onClose: () => void
  onDone: () => Promise<void>
}): JSX.Element {
  const { topic, letters } = props
  const [typed, setTyped] = useState('')
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const [busy, setBusy] = useState(false)

  async function purge(): Promise<void> {
    setBusy(true)
    try {
      const { purged } = await api.purgeLetters(topic)
      pushToast({ tone: 'good', text: `${formatCount(purged)} letters purged` })
      props.onClose()
      await props.onDone()
    } catch (thrown) {
      setProblem(thrown as ApiProblem)
      setBusy(false)
    }
  }

  return (
    <Dialog title={`Purge ${topic}?`} onClose={props.onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          if (typed === topic) void purge()
        }}
      >
        <p>
          {formatCount(letters)} letters are forgotten for good, with the records in them. Type the topic's
          name to go on.
        </p>
        <Field label={`Type ${topic}`} problem={problem?.message ?? null}>
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
        <End problem={null} onClose={props.onClose}>
          <button type="submit" class="button danger" disabled={typed !== topic || busy}>
            Purge for good
          </button>
        </End>
      </form>
    </Dialog>
  )
}

function End(props: {
  problem: ApiProblem | null
  onClose: () => void
  children: ComponentChildren
}): JSX.Element {
  return (
    <>
      {props.problem && (
        <p class="field-problem" role="alert">
          {props.problem.message}
        </p>
      )}
      <div class="form-end">
        <button type="button" class="button" onClick={props.onClose}>
          Cancel
        </button>
        {props.children}
      </div>
    </>
  )
}
