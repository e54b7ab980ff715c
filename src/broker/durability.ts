// How durable the records of a topic are when a producer is told that they are written: what may be set, what it asks of
// the log, and what it means in plain words. Whatever is set, a record is visible only after its sync.
//
//   fsync            acknowledged after its sync (the default)
//   interval(100ms)  acknowledged when written; its sync begins within 100 ms
//   os               acknowledged when written; its sync follows at once
import { BrokerError, formatDuration } from '#base'
import type { AppendOptions } from '#log'
import { didYouMean } from './suggestion.ts'

export type Durability = 'fsync' | 'os' | `interval(${number}ms)`

export const syncIntervalMsMin = 1
/** Nobody who asks for more than this wants a log. */
export const syncIntervalMsMax = 60_000

const intervalPattern = /^interval\((\d{1,9})(ms|s)?\)$/
const names = ['fsync', 'os', 'interval(100ms)']

/** `readDurability('interval(2s)') -> 'interval(2000ms)'`. Throws `invalid_request` with the remedy. */
export function readDurability(value: unknown): Durability {
  if (value === 'fsync' || value === 'os') return value
  const match = typeof value === 'string' ? intervalPattern.exec(value) : null
  if (match === null) throw unknownDurability(value)
  const spanMs = Number(match[1]) * (match[2] === 's' ? 1000 : 1)
  if (spanMs >= syncIntervalMsMin && spanMs <= syncIntervalMsMax) return `interval(${spanMs}ms)`
  throw new BrokerError('invalid_request', `durability cannot be ${value}: the interval is out of bounds`, {
    fix: `give ${syncIntervalMsMin} to ${syncIntervalMsMax} ms, for example interval(100ms), or os to sync at once`,
    details: { minMs: syncIntervalMsMin, maxMs: syncIntervalMsMax },
  })
}

/** How long the sync of an acknowledged record may wait to begin; null: it is not acknowledged before its sync. */
export function syncWithinMs(durability: Durability): number | null {
  if (durability === 'fsync') return null
  return durability === 'os' ? 0 : Number(intervalPattern.exec(durability)![1])
}

/** What the log is asked for by an append of records for topics of these. The strongest counts. */
export function appendOptionsOf(durabilities: Iterable<Durability>): AppendOptions {
  let shortest = Number.POSITIVE_INFINITY
  for (const durability of durabilities) {
    const spanMs = syncWithinMs(durability)
    if (spanMs === null) return {}
    shortest = Math.min(shortest, spanMs)
  }
  return shortest === Number.POSITIVE_INFINITY ? {} : { acknowledge: 'written', syncWithinMs: shortest }
}

/** What of the acknowledged records a power cut may take: for people. A crash of the process takes none. */
export function powerCutLoses(durability: Durability): string {
  const spanMs = syncWithinMs(durability)
  if (spanMs === null) return 'nothing'
  if (spanMs === 0) return 'what was acknowledged since the last sync began, usually a few milliseconds'
  return `what was acknowledged in the last ${formatDuration(spanMs)} and the time of one sync`
}

function unknownDurability(value: unknown): BrokerError {
  const near = typeof value === 'string' ? didYouMean(value.slice(0, 40), names) : ''
  return new BrokerError('invalid_request', `durability ${JSON.stringify(value)} is not known${near}`, {
    fix: 'use fsync, os, or interval(100ms) with the milliseconds that a sync may wait',
  })
}
