// Windows over event time. Those of a fixed size are aligned to the epoch plus an offset, never to when a process
// started; sessions and sliding windows lie where the rows lie.
import { asMillis, BrokerError, type Duration, formatDuration, type Millis, parseDuration } from '#base'
import { floorTo } from './time/floor-division.ts'

/** Members: `[start, start + sizeMs)`, for every `start = k * hopMs + offsetMs`. Tumbling: the hop is the size. */
export type FixedWindow = {
  readonly kind: 'tumbling' | 'hopping'
  readonly sizeMs: Millis
  readonly hopMs: Millis
  readonly offsetMs: Millis
  /** A window closes at `W >= end + graceMs`. */
  readonly graceMs: Millis
} & OfClock

/** Members: `[at - sizeMs, at]`, both inclusive, one window for each time `at` of a row of the key. */
export type SlidingWindow = {
  readonly kind: 'sliding'
  readonly sizeMs: Millis
  /** A window closes at `W > at + graceMs`. */
  readonly graceMs: Millis
} & OfClock

/** Members: rows of a key at most `gapMs` apart, `[first, last]`, both inclusive. */
export type SessionWindow = {
  readonly kind: 'session'
  readonly gapMs: Millis
  /** A session closes at `W > last + gapMs + graceMs`. */
  readonly graceMs: Millis
  /** null: as long as it goes on. */
  readonly maxMs: Millis | null
} & OfClock

/** Without `time`, that of the rows. `'processing'`: the wall clock when a row comes to the window. */
export type OfClock = { readonly time?: 'processing' }

export type WindowDefinition = FixedWindow | SlidingWindow | SessionWindow

/** Tumbling and hopping: `start <= at < end`. Sliding and session: from the first member to the last, `end` included. */
export type WindowBounds = { readonly start: number; readonly end: number }

export type GraceOptions = {
  /** How long after its end a window still takes rows. There is no right default: `'0s'` is an answer, too. */
  readonly grace: Duration
}

/** In processing time nothing is late, and nothing comes out the same when it is computed again. */
export type ProcessingTime = { readonly time: 'processing'; readonly grace?: undefined }

export type WindowOptions = (GraceOptions | ProcessingTime) & {
  /** Shifts the alignment: `{ offset: '6h' }` lets days begin at six. */
  readonly offset?: Duration
}

/** Bounds how many windows a row may fall into, and so the work per row. */
export const windowsPerRowMax = 1_000

type AnyOptions = Partial<GraceOptions> | ProcessingTime | undefined

const clockOf = (options: AnyOptions): OfClock =>
  options !== undefined && 'time' in options ? { time: options.time } : {}

function graceOf(what: string, options: AnyOptions): Millis {
  if (clockOf(options).time === 'processing') return asMillis(0)
  // Those who write JavaScript have no compiler to tell them.
  if (options?.grace !== undefined) return parseDuration(options.grace)
  throw new BrokerError('invalid_request', `a ${what} says nothing about grace`, {
    fix: "say how long it takes late rows, for example { grace: '10s' }, or '0s'",
  })
}

function fixed(
  kind: FixedWindow['kind'],
  { size, hop }: { readonly size: Duration; readonly hop: Duration },
  options: WindowOptions,
): FixedWindow {
  const graceMs = graceOf(`${kind} window of ${size}`, options)
  const sizeMs = parseDuration(size)
  const hopMs = parseDuration(hop)
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
  return { kind, sizeMs, hopMs, offsetMs, graceMs, ...clockOf(options) }
}

/** Which rows belong together in time. */
export const window = {
  /**
   * Windows side by side: each row is in exactly one. With `time: 'processing'`, as with all windows, the wall clock
   * decides in which, and closes it.
   * @example orders.stream().keyBy('region').window('per-minute', window.tumbling('1m', { grace: '10s' }))
   */
  tumbling: (size: Duration, options: WindowOptions): FixedWindow =>
    fixed('tumbling', { size, hop: size }, options),
  /**
   * A window of `size` every `every`. With a step longer than the size, rows between two windows are in none.
   * @example orders.stream().keyBy('region').window('ten-minutes', window.hopping('10m', { every: '1m', grace: '10s' }))
   */
  hopping: (size: Duration, options: WindowOptions & { readonly every: Duration }): FixedWindow =>
    fixed('hopping', { size, hop: options.every }, options),
  /**
   * One window for each time at which a key has a row: that row and those up to `size` before it, both ends included.
   * @example payments.stream().keyBy('order').window('recent', window.sliding('10m', { grace: '5s' }))
   */
  sliding: (size: Duration, options: GraceOptions | ProcessingTime): SlidingWindow => ({
    kind: 'sliding',
    ...clockOf(options),
    sizeMs: parseDuration(size),
    graceMs: graceOf(`sliding window of ${size}`, options),
  }),
  /**
   * Rows of a key that follow each other within `gap`. A row between two sessions makes them one. With `max` a session is
   * cut where it would become longer.
   * @example orders.stream().keyBy('customer').window('visits', window.session({ gap: '30m', grace: '1m', max: '8h' }))
   */
  session: (
    options: (GraceOptions | ProcessingTime) & { readonly gap: Duration; readonly max?: Duration },
  ): SessionWindow => ({
    kind: 'session',
    ...clockOf(options),
    gapMs: parseDuration(options.gap),
    graceMs: graceOf(`session window with a gap of ${options.gap}`, options),
    maxMs: options.max === undefined ? null : parseDuration(options.max),
  }),
}

/** Start of the newest window that can hold `at`; it does only if it is above `at - sizeMs`. */
export function newestStart(definition: FixedWindow, at: number): number {
  return floorTo(at, definition.hopMs, definition.offsetMs)
}

/** Every window that holds `at`, oldest first. */
export function windowsOf(definition: FixedWindow, at: number): WindowBounds[] {
  const windows: WindowBounds[] = []
  const { sizeMs, hopMs } = definition
  for (let start = newestStart(definition, at); start > at - sizeMs; start -= hopMs) {
    windows.unshift({ start, end: start + sizeMs })
  }
  return windows
}

/** By how much what a window emits may lie behind the operator's own time. */
export function emitDelayOf(definition: WindowDefinition): number {
  return definition.kind === 'session' ? definition.gapMs + definition.graceMs : definition.graceMs
}

/** `tumbling 1m, grace 10s` */
export function describeWindow(definition: WindowDefinition): string {
  const extent = extentOf(definition)
  if (definition.time === 'processing') return `${extent} of processing time`
  return `${extent}, grace ${formatDuration(definition.graceMs)}`
}

function extentOf(definition: WindowDefinition): string {
  switch (definition.kind) {
    case 'tumbling':
      return `tumbling ${formatDuration(definition.sizeMs)}`
    case 'hopping':
      return `hopping ${formatDuration(definition.sizeMs)} every ${formatDuration(definition.hopMs)}`
    case 'sliding':
      return `sliding ${formatDuration(definition.sizeMs)}`
    case 'session': {
      const max = definition.maxMs === null ? '' : `, at most ${formatDuration(definition.maxMs)}`
      return `session gap ${formatDuration(definition.gapMs)}${max}`
    }
  }
}
