// The world's mistakes and misfortunes: every failure a user can meet has one stable code.

/** Stable codes. Each edge (HTTP, CLI, later Kafka) maps all of them; a new code fails to compile until it does. */
export type ErrorCode =
  | 'invalid_request' // malformed input: JSON, flag, name, key field, schema
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found' // topic, app, widget, table, route
  | 'already_exists'
  | 'conflict' // a failed precondition: not empty, wrong state, locked by another process
  | 'too_large' // record, batch, body or frame above its named limit
  | 'unsupported_media_type'
  | 'offset_out_of_range'
  | 'fenced' // an older epoch of a task or producer
  | 'out_of_order_sequence' // a batch of an idempotent producer is missing before this one
  | 'busy' // a bounded queue is full: retry with back-off
  | 'disk_full'
  | 'disk_failed' // a failed write or sync: the writer is closed until a restart
  | 'corrupt' // damage below the durable mark
  | 'app_failed' // user code threw, did not load, or its process died
  | 'unreachable' // the node does not answer
  | 'timeout'
  | 'closed' // the node is stopping

const retriable = new Set<ErrorCode>(['busy', 'disk_full', 'unreachable', 'timeout'])

export type BrokerErrorOptions = {
  /** What the caller can do, as a sentence or a command. */
  fix?: string
  retriable?: boolean
  cause?: unknown
  /** Facts for machines: limits, positions, names. */
  details?: Record<string, string | number | boolean | null>
}

/**
 * A failure that is not our bug. `message` says what happened and why; `fix` says what to do about it.
 * @example throw new BrokerError('not_found', 'topic "orders" does not exist', { fix: 'pspf topic create orders' })
 */
export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly code: ErrorCode
  readonly fix: string | undefined
  readonly retriable: boolean
  readonly details: Record<string, string | number | boolean | null>

  constructor(code: ErrorCode, message: string, options: BrokerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.fix = options.fix
    this.retriable = options.retriable ?? retriable.has(code)
    this.details = options.details ?? {}
  }
}

/** Whatever was thrown, as an Error: user code may throw anything. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

/** The code of a system call's error (`ENOENT`, `EADDRINUSE`, ...), or undefined. */
export function systemCode(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}
