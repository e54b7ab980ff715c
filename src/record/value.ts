// How people see keys and values, and how what they write becomes bytes. Only the presentation is decided here: stored
// bytes are never changed, and a JSON value that was written comes back as the same value.
//
//   bytes        shown as a value   shown as a key
//   12345        12345              "12345"
//   "12345"      "12345"            "\"12345\""
//   hello        "hello"            "hello"
//   ff fe        "//4=" base64      "//4=" base64
//   (null)       null               null
//
// Keys are text, never numbers: the partitioner and every Kafka client compare their bytes.
import { BrokerError } from '#base'

/** `encoding` is there only when the bytes are not text. */
export type Shown = { readonly value: unknown; readonly encoding?: 'base64' }

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** JSON if it parses, else UTF-8 text, else base64. */
export function readValue(bytes: Uint8Array | null): Shown {
  const shown = readText(bytes)
  if (shown.encoding !== undefined || shown.value === null) return shown
  try {
    return { value: JSON.parse(shown.value) }
  } catch {
    // Not JSON, or nested too deeply for the parser: it is still text.
    return shown
  }
}

/** UTF-8 text, else base64. */
export function readText(bytes: Uint8Array | null): {
  readonly value: string | null
  readonly encoding?: 'base64'
} {
  if (bytes === null) return { value: null }
  try {
    return { value: strictDecoder.decode(bytes) }
  } catch {
    return { value: bytes.toBase64(), encoding: 'base64' }
  }
}

/** A value as JSON text, or the bytes that base64 stands for. null is a tombstone. */
export function writeValue(value: unknown, encoding?: 'base64'): Uint8Array | null {
  if (value === null) return null
  if (encoding === 'base64') return fromBase64(value)
  const text = JSON.stringify(value)
  if (text === undefined) {
    throw new BrokerError('invalid_request', `a ${typeof value} is not a JSON value`)
  }
  return encoder.encode(text)
}

/** A text as it is, any other JSON value as JSON text, or the bytes that base64 stands for. null is no key. */
export function writeKey(key: unknown, encoding?: 'base64'): Uint8Array | null {
  if (typeof key === 'string' && encoding === undefined) return encoder.encode(key)
  return writeValue(key, encoding)
}

function fromBase64(value: unknown): Uint8Array {
  try {
    if (typeof value === 'string') return Uint8Array.fromBase64(value)
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown
  }
  throw new BrokerError('invalid_request', 'encoding is base64, but the value is not base64 text', {
    fix: 'send base64 text, or leave the encoding out',
  })
}
