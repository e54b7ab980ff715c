// What the broker remembers about its own work, as records of `_pspf.broker`.
//
//   key                          value
//   ["owner","<group>","<owner>"]   {"version":1,"epoch":N}   the newest epoch given to this owner
//   ["retentionClock"]              {"version":1,"at":MS}     how far the retention clock had come, and with "setAt":MS
//                                                             when it was set, if it ran unset before
//   ["producerIds"]                 {"version":1,"next":N}    ids of producers below N may have been given out
//
// Invariants:
//   1. The newest record of a key counts; an epoch never falls, and its record is never removed.
//   2. A key or version that is not known comes from a newer pspf and is refused, never guessed.
import { asMillis, BrokerError, type Millis } from '#base'

export type Fact =
  | { readonly kind: 'owner'; readonly group: string; readonly owner: string; readonly epoch: number }
  | { readonly kind: 'retentionClock'; readonly at: Millis; readonly setAt?: Millis }
  | { readonly kind: 'producerIds'; readonly next: number }

const version = 1
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function encodeFactKey(fact: Fact): Uint8Array {
  return encoder.encode(
    JSON.stringify(fact.kind === 'owner' ? [fact.kind, fact.group, fact.owner] : [fact.kind]),
  )
}

export function encodeFactValue(fact: Fact): Uint8Array {
  const { kind, ...fields } = fact
  const value = kind === 'owner' ? { version, epoch: fact.epoch } : { version, ...fields }
  return encoder.encode(JSON.stringify(value))
}

export function decodeFact(key: Uint8Array, value: Uint8Array): Fact {
  const keyText = decoder.decode(key)
  const parts = parse(keyText, keyText)
  const fields = parse(decoder.decode(value), keyText) as Record<string, unknown> | null
  if (Array.isArray(parts) && fields?.['version'] === version) {
    const [kind, group, owner] = parts as unknown[]
    const { epoch, at, setAt, next } = fields
    if (kind === 'producerIds' && isCount(next)) return { kind, next }
    if (kind === 'owner' && typeof group === 'string' && typeof owner === 'string' && isCount(epoch)) {
      return { kind, group, owner, epoch }
    }
    if (kind === 'retentionClock' && isCount(at)) {
      return { kind, at: asMillis(at), ...(isCount(setAt) && { setAt: asMillis(setAt) }) }
    }
  }
  throw unknownFact(keyText)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function parse(text: string, keyText: string): unknown {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    throw unknownFact(keyText, thrown)
  }
}

function unknownFact(keyText: string, cause?: unknown): BrokerError {
  return new BrokerError('corrupt', `the broker's record ${keyText.slice(0, 80)} is not known`, {
    fix: 'the data directory was written by a newer pspf: start that one, or restore a backup',
    ...(cause === undefined ? {} : { cause }),
  })
}
