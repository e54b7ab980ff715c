// Dead letters: records that an app could not process, as they were, in a topic of their own. Key, value, headers and
// timestamp are those of the record, so that it can be sent again as it is; why it is there stands in headers that begin
// with `pspf.dead.`, each a text.
//
//   app task node   who could not process it
//   stage           read: not JSON, not its schema, no time; process: a function threw
//   kind            record: as it was in its topic; row: what a window that closed emitted, for example
//   topic partition offset timestamp   where the record is (of a row: the record that was at work)
//   error stack attempts               the error as `Name: message`, its stack, and how often it was tried
import type { Header } from '#record'

export const deadTopicOf = (topic: string): string => `${topic}.dead`

export type DeadLetter = {
  readonly app: string
  readonly task: string
  readonly node: string
  readonly stage: 'read' | 'process'
  readonly kind: 'record' | 'row'
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly error: string
  readonly stack: string
  readonly attempts: number
}

const prefix = 'pspf.dead.'
/** Of a message or stack, so that the letter stays near the size of its record. */
const textSizeMax = 8_192
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The record's own headers, then why it is dead. */
export function deadLetterHeaders(own: readonly Header[], letter: DeadLetter): Header[] {
  const reasons = Object.entries(letter).map(([name, value]) => ({
    key: `${prefix}${name}`,
    value: encoder.encode(String(value).slice(0, textSizeMax)),
  }))
  // A letter that dies again is about its last death.
  return [...ownHeaders(own), ...reasons]
}

/** Those of the record itself. */
export function ownHeaders(headers: readonly Header[]): Header[] {
  return headers.filter(({ key }) => !key.startsWith(prefix))
}

/** What the headers of a dead letter say; null for a record that is none. */
export function readDeadLetter(headers: readonly Header[]): DeadLetter | null {
  const texts = new Map(
    headers.map(({ key, value }) => [key, value === null ? '' : decoder.decode(value)] as const),
  )
  const text = (name: keyof DeadLetter) => texts.get(prefix + name) ?? ''
  if (text('topic') === '') return null
  return {
    app: text('app'),
    task: text('task'),
    node: text('node'),
    stage: text('stage') === 'read' ? 'read' : 'process',
    kind: text('kind') === 'row' ? 'row' : 'record',
    topic: text('topic'),
    partition: Number(text('partition')),
    offset: Number(text('offset')),
    timestamp: Number(text('timestamp')),
    error: text('error'),
    stack: text('stack'),
    attempts: Number(text('attempts')),
  }
}
