// Windows over event time. Aligned to the epoch plus an offset, never to when a process started.
import { asMillis, BrokerError, type Duration, formatDuration, type Millis, parseDuration } from '#base'
import { floorTo } from './time/floor-division.ts'

/** Members: `[start, start + sizeMs)`, for every `start = k * hopMs + offsetMs`. Tumbling: the hop is the size. */
export type WindowDefinition = {
  readonly kind: 'tumbling' | 'hopping'
  readonly sizeMs: Millis
  readonly hopMs: Millis
  readonly offsetMs: Millis
  /** A window closes at `W >= end + graceMs`. */
  readonly graceMs: Millis
}

export type WindowBounds = { readonly start: number; readonly end: number }

export type WindowOptions = {
  /** How long after its end a window still takes rows. There is no right default: `'0s'` is an answer, too. */
  readonly grace: Duration
  /** Shifts the alignment: `{ offset: '6h' }` lets days begin at six. */
  readonly offset?: Duration
}

/** Bounds how many windows a row may fall into, and so the work per row. */
export const windowsPerRowMax = 1_000

function define(kind: WindowDefinition['kind'], size: Duration, hop: Duration, options: WindowOptions) {
  // Those who write JavaScript have no compiler to tell them.
  if ((options as Partial<WindowOptions> | undefined)?.grace === undefined) {
    throw new BrokerError('invalid_request', `a ${kind} window of ${size} says nothing about grace`, {
      fix: "say how long it takes late rows, for example { grace: '10s' }, or '0s'",
    })
  }
  const sizeMs = parseDuration(size)
  const hopMs = parseDuration(hop)
  const graceMs = parseDuration(options.grace)
  const offsetMs = options.offset === undefined ? asMillis(0) : parseDuration(options.offset)
  if (sizeMs < 1 || hopMs < 1) {
    throw new BrokerError('invalid_request', `a ${kind} window of ${size} every ${hop} is empty`, {
      fix: 'use at least 1ms',
    })
  }
  if (sizeMs / hopMs > windowsPerRowMax) {
    throw new BrokerError(
      'invalid_request',
      `a window of ${size} every ${hop} puts each row into ${Math.ceil(sizeMs / hopMs)} windows`,
      { fix: `use a longer step: ${windowsPerRowMax} windows per row is the limit` },
    )
  }
  return { kind, sizeMs, hopMs, offsetMs, graceMs }
}

export const window = {
  /** Windows side by side: each row is in exactly one. `window.tumbling('1m', { grace: '10s' })` */
  tumbling: (size: Duration, options: WindowOptions): WindowDefinition =>
    define('tumbling', size, size, options),
  /** A window of `size` every `every`: `window.hopping('10m', { every: '1m', grace: '10s' })`. With a step longer than
   * the size, rows between two windows are in none. */
  hopping: (size: Duration, options: WindowOptions & { readonly every: Duration }): WindowDefinition =>
    define('hopping', size, options.every, options),
}

/** Start of the newest window that can hold `at`; it does only if it is above `at - sizeMs`. */
export function newestStart(definition: WindowDefinition, at: number): number {
  return floorTo(at, definition.hopMs, definition.offsetMs)
}

/** Every window that holds `at`, oldest first. */
export function windowsOf(definition: WindowDefinition, at: number): WindowBounds[] {
  const windows: WindowBounds[] = []
  const { sizeMs, hopMs } = definition
  for (let start = newestStart(definition, at); start > at - sizeMs; start -= hopMs) {
    windows.unshift({ start, end: start + sizeMs })
  }
  return windows
}

/** `tumbling 1m, grace 10s` */
export function describeWindow({ kind, sizeMs, hopMs, graceMs }: WindowDefinition): string {
  const step = kind === 'hopping' ? ` every ${formatDuration(hopMs)}` : ''
  return `${kind} ${formatDuration(sizeMs)}${step}, grace ${formatDuration(graceMs)}`
}
