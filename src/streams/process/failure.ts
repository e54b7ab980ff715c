// Why an app does not run, as plain data that travels between processes and up to the UI.
import { BrokerError, type ErrorCode, toError } from '#base'

export type Failure = { readonly message: string; readonly frame?: string }

/** A failure as an error for whoever asked to start the app. */
export function failureError(failure: Failure): BrokerError {
  const text = failure.frame === undefined ? failure.message : `${failure.message}\n${failure.frame}`
  return new BrokerError('app_failed', text)
}

/** A `BrokerError` on its way to another process. */
export type ErrorMessage = {
  readonly code: ErrorCode
  readonly message: string
  readonly fix: string | null
  readonly retriable: boolean
  readonly details: Record<string, string | number | boolean | null>
}

export function errorToMessage(
  thrown: unknown,
): ErrorMessage | { readonly code: null; readonly message: string } {
  if (!(thrown instanceof BrokerError)) return { code: null, message: toError(thrown).message }
  const { code, message, fix = null, retriable, details } = thrown
  return { code, message, fix, retriable, details }
}

export function errorFromMessage(message: ReturnType<typeof errorToMessage>): Error {
  if (message.code === null) return new Error(message.message)
  const { code, fix, retriable, details } = message
  return new BrokerError(code, message.message, { ...(fix === null ? {} : { fix }), retriable, details })
}
