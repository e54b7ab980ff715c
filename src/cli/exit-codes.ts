// What a command's end means to a script: one number per kind of outcome, the same for every command.
import { BrokerError, type ErrorCode } from '#base'
import { ClosedPipe, Interrupted } from './terminal.ts'
import { UsageError } from './usage-error.ts'

export const exitCode = {
  success: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  denied: 5,
  unreachable: 6,
  invalid: 7,
  partial: 8,
  unhealthy: 9,
  corrupt: 10,
  interrupted: 130,
} as const

const codeOf: Record<ErrorCode, number> = {
  invalid_request: exitCode.invalid,
  unauthenticated: exitCode.denied,
  forbidden: exitCode.denied,
  not_found: exitCode.notFound,
  already_exists: exitCode.conflict,
  conflict: exitCode.conflict,
  too_large: exitCode.invalid,
  unsupported_media_type: exitCode.invalid,
  offset_out_of_range: exitCode.conflict,
  fenced: exitCode.conflict,
  out_of_order_sequence: exitCode.conflict,
  busy: exitCode.failure,
  disk_full: exitCode.failure,
  disk_failed: exitCode.failure,
  corrupt: exitCode.corrupt,
  app_failed: exitCode.invalid,
  unreachable: exitCode.unreachable,
  timeout: exitCode.unreachable,
  closed: exitCode.unreachable,
}

export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(codeOf, text)
}

export function exitCodeFor(thrown: unknown): number {
  if (thrown instanceof ClosedPipe) return exitCode.success
  if (thrown instanceof Interrupted) return exitCode.interrupted
  if (thrown instanceof UsageError) return exitCode.usage
  if (thrown instanceof BrokerError) return codeOf[thrown.code]
  return exitCode.failure
}
