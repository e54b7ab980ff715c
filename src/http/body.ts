// Reads request bodies: never more than the limit, never more of all requests together than memory allows, and only
// text that is UTF-8.
import { BrokerError, formatSize } from '#base'
import type { HttpLimits } from './limits.ts'

const strictDecoder = new TextDecoder('utf-8', { fatal: true })

/** The bodies in flight of all requests; each holds its bytes until its answer is ready. */
export class BodyReader {
  readonly #limits: HttpLimits
  #inFlightBytes = 0

  constructor(limits: HttpLimits) {
    this.#limits = limits
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes
  }

  /** Reads the body, gives it to `use`, and counts its bytes until `use` is done. */
  async with<T>(request: Request, use: (body: Uint8Array) => T | Promise<T>): Promise<T> {
    const claimed = claimedSize(request)
    if (claimed !== null) this.#check(claimed)
    const held = { sizeBytes: 0 }
    try {
      if (claimed !== null) this.#hold(held, claimed)
      const body =
        claimed === null ? await this.#readStream(request, held) : await request.bytes().catch(endedEarly)
      return await use(withoutMark(body))
    } finally {
      this.#inFlightBytes -= held.sizeBytes
    }
  }

  /** Refuses what says it is too large, before a byte of it is read. */
  checkClaim(request: Request): void {
    const claimed = claimedSize(request)
    if (claimed !== null) this.#check(claimed)
    const method = request.method
    if ((method === 'GET' || method === 'HEAD') && request.headers.get('transfer-encoding') !== null) {
      throw new BrokerError('invalid_request', `a ${method} request carries no body`, {
        fix: 'send the body with POST, or leave it out',
      })
    }
  }

  /** A body of unknown length: counted as it comes. */
  async #readStream(request: Request, held: { sizeBytes: number }): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    if (request.body === null) return new Uint8Array(0)
    try {
      for await (const part of request.body as unknown as AsyncIterable<Uint8Array>) {
        this.#hold(held, part.length)
        this.#check(held.sizeBytes)
        parts.push(part)
      }
    } catch (thrown) {
      throw cutShort(thrown)
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  #hold(held: { sizeBytes: number }, sizeBytes: number): void {
    if (this.#inFlightBytes + sizeBytes > this.#limits.bodiesInFlightBytesMax) {
      throw new BrokerError('busy', 'too many request bodies are being worked on', {
        fix: 'send again in a moment, or send less at once',
      })
    }
    held.sizeBytes += sizeBytes
    this.#inFlightBytes += sizeBytes
  }

  #check(sizeBytes: number): void {
    const max = this.#limits.bodySizeBytesMax
    if (sizeBytes <= max) return
    throw new BrokerError('too_large', `the body is larger than ${formatSize(max)}`, {
      fix: 'split it into several requests',
      details: { bodySizeBytesMax: max },
    })
  }
}

/** The body as text; throws `invalid_request` when it is not UTF-8. */
export function decodeText(body: Uint8Array): string {
  try {
    return strictDecoder.decode(body)
  } catch (cause) {
    throw new BrokerError('invalid_request', 'the body is not valid UTF-8', {
      fix: 'send UTF-8; binary values travel as base64 text with encoding: {"value": "base64"}',
      cause,
    })
  }
}

/** `'not JSON: ...'` as an error that says where. */
export function parseJson(text: string, where = 'the body'): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const why =
      cause instanceof SyntaxError ? cause.message.replace(/^JSON Parse error: /, '') : 'nested too deeply'
    throw new BrokerError('invalid_request', `${where} is not JSON: ${why}`, { cause })
  }
}

/** `'application/json; charset=utf-8' -> 'application/json'`. Throws unless it is one of `accepted`, in UTF-8. */
export function mediaType<T extends string>(request: Request, accepted: readonly T[]): T {
  const { headers } = request
  const header = headers.get('content-type') ?? ''
  const encoding = headers.get('content-encoding')
  const plain = encoding === null ? accepted.find((candidate) => candidate === header) : undefined
  if (plain !== undefined) return plain
  const [type = '', ...parameters] = header.split(';').map((part) => part.trim().toLowerCase())
  if (encoding !== null && encoding !== 'identity') {
    throw new BrokerError('unsupported_media_type', `bodies with content-encoding ${encoding} are not read`, {
      fix: 'send the body as it is',
    })
  }
  const charset = parameters.find((part) => part.startsWith('charset='))?.slice('charset='.length)
  const known = accepted.find((candidate) => candidate === type)
  if (known !== undefined && (charset === undefined || /^"?utf-?8"?$/.test(charset))) return known
  throw new BrokerError(
    'unsupported_media_type',
    header === ''
      ? 'the request does not say what its body is'
      : `content type "${header}" is not accepted here`,
    { fix: `send the header "Content-Type: ${accepted.join('" or "')}"` },
  )
}

function claimedSize(request: Request): number | null {
  const header = request.headers.get('content-length')
  return header === null ? null : Number(header)
}

function endedEarly(thrown: unknown): never {
  throw cutShort(thrown)
}

function cutShort(thrown: unknown): BrokerError {
  if (thrown instanceof BrokerError) return thrown
  return new BrokerError('invalid_request', 'the body ended early', { cause: thrown })
}

/** Without a byte order mark, which editors on Windows put in front. */
function withoutMark(body: Uint8Array): Uint8Array {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body
}
