// What viewers say, read with suspicion: anybody who reaches the port can send anything.
import { BrokerError } from '#base'
import type { ClientMessage } from './live.ts'

const channelLengthMax = 300

/** Throws `invalid_request` or `too_large`. Unknown fields are ignored, so that newer clients are understood. */
export function readClientMessage(text: string, sizeBytesMax: number): ClientMessage {
  if (text.length > sizeBytesMax || Buffer.byteLength(text) > sizeBytesMax) {
    throw new BrokerError('too_large', `a message has more than ${sizeBytesMax} bytes`)
  }
  const message = parse(text)
  const { op, ch, resume } = message
  if (op !== 'sub' && op !== 'unsub') throw invalid(`op is ${show(op)}`)
  if (typeof ch !== 'string' || ch === '' || ch.length > channelLengthMax) throw invalid(`ch is ${show(ch)}`)
  if (op === 'unsub') return { op, ch }
  if (resume === undefined || resume === null) return { op, ch }
  const { epoch, seq } = (typeof resume === 'object' ? resume : {}) as Record<string, unknown>
  if (typeof epoch !== 'string' || !Number.isSafeInteger(seq)) throw invalid(`resume is ${show(resume)}`)
  return { op, ch, resume: { epoch, seq: seq as number } }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown
  }
  throw invalid('it is no JSON object')
}

function invalid(why: string): BrokerError {
  return new BrokerError('invalid_request', `the message cannot be read: ${why}`, {
    fix: 'send {"op":"sub","ch":"widget/<id>"} or {"op":"unsub","ch":"..."}',
  })
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 80)
}
