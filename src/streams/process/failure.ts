// Why an app does not run, as plain data that travels between processes and up to the UI.
import { BrokerError, type ErrorCode, toError } from '#base'

export type Failure = {
  readonly message: string
  readonly frame?: string
  /** Nothing is wrong with the app: later, it may run. */
  readonly retriable?: boolean
}

/** A refusal of the node: what, and what to do about it. */
export function failureOf({ message, fix }: BrokerError): Failure {
  return { message: fix === undefined ? message : `${message}; ${fix}` }
}

/** A failure as an error for whoever asked to start the app. */
export function failureError(failure: Failure): BrokerError {
  const text = failure.frame === undefined ? failure.message : `${failure.message}\n${failure.frame}`
  return new BrokerError('app_failed', text)
}

/** An error on its way to another process; `code` is null for anything but a `BrokerError`. */
export type ErrorMessage = {
  readonly code: ErrorCode | null
  readonly message: string
  readonly fix: string | null
  readonly retriable: boolean
  readonly details: Record<string, string | number | boolean | null>
}

export function errorToMessage(thrown: unknown): ErrorMessage {
  if (thrown instanceof BrokerError) {
    const { code, message, fix = null, retriable, details } = thrown
    return { code, message, fix, retriable, details }
  }
  return { code: null, message: toError(thrown).message, fix: null, retriable: false, details: {} }
}

export function errorFromMessage({ code, message, fix, retriable, details }: ErrorMessage): Error {
  if (code === null) return new Error(message)
  return new BrokerError(code, message, { ...(fix === null ? {} : { fix }), retriable, details })
}
