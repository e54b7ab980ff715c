// Failures as RFC 9457 problems: one table maps every code of the world's mistakes to a status and a title.
import type { BrokerError, ErrorCode } from '#base'
import type { Problem } from './contract.ts'

/** Every code has a status; a new one fails to compile until it does. */
const statusOf = {
  invalid_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  too_large: 413,
  unsupported_media_type: 415,
  offset_out_of_range: 416,
  fenced: 409,
  out_of_order_sequence: 409,
  busy: 503,
  disk_full: 507,
  disk_failed: 503,
  corrupt: 500,
  app_failed: 422,
  unreachable: 503,
  timeout: 504,
  closed: 503,
} satisfies Record<ErrorCode, number>

const titleOf = {
  invalid_request: 'The request is not valid',
  unauthenticated: 'A token is needed',
  forbidden: 'Not allowed',
  not_found: 'Not found',
  already_exists: 'It exists already',
  conflict: 'Not possible in the present state',
  too_large: 'Too large',
  unsupported_media_type: 'Wrong content type',
  offset_out_of_range: 'Offset out of range',
  fenced: 'Replaced by a newer owner',
  out_of_order_sequence: 'A batch before this one is missing',
  busy: 'Too busy just now',
  disk_full: 'The disk is full',
  disk_failed: 'The disk failed',
  corrupt: 'Stored data is damaged',
  app_failed: 'The app failed',
  unreachable: 'Not reachable',
  timeout: 'Took too long',
  closed: 'The server is stopping',
} satisfies Record<ErrorCode, string>

/** A failure of the world as the answer shows it. Its details stand beside, never over, the standard members. */
export function problemOf(error: BrokerError): Problem {
  const standard = {
    type: typeOf(error.code),
    title: titleOf[error.code],
    status: statusOf[error.code],
    detail: error.message,
    code: error.code,
    ...(error.fix === undefined ? {} : { fix: error.fix }),
    retriable: error.retriable,
  }
  return { ...standard, ...error.details, ...standard }
}

/** A bug of ours: the log has it in full, the answer says nothing of our insides. */
export function bugProblem(): Problem {
  return {
    type: typeOf('internal'),
    title: 'A bug in pspf',
    status: 500,
    detail: 'the server met a bug while answering; its log has the details',
    code: 'internal',
    fix: 'look into the log of the server, and report what it says',
    retriable: false,
  }
}

/** `methodProblem('PUT', '/health', ['GET'])`: the route exists, not with this method. */
export function methodProblem(method: string, path: string, allowed: readonly string[]): Problem {
  return {
    type: typeOf('method_not_allowed'),
    title: 'Wrong method',
    status: 405,
    detail: `${path} does not take ${method}`,
    code: 'method_not_allowed',
    fix: `use ${allowed.filter((one) => one !== 'HEAD').join(' or ')}; /swagger lists every route`,
    retriable: false,
    allow: allowed.join(', '),
  }
}

const typeOf = (code: string) => `urn:pspf:problem:${code}`
