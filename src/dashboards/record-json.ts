// A stored record as JSON for viewers: `{partition, offset, timestamp, key, value, headers}`. What is long is cut and says so,
// so that one large record cannot fill a viewer's buffer.
import { type RecordView, readText, readValue } from '#record'
import type { RecordJson } from './live.ts'

/** Bytes of a key or value, and of a header, that are shown. */
export const valueSizeBytesMax = 4 * 1024
const headerSizeBytesMax = 256
const headersMax = 32

/** @example recordJson(0, view) // { partition: 0, offset: 7, key: 'a', value: { n: 1 }, ... } */
export function recordJson(
  partition: number,
  view: RecordView,
  sizeBytesMax = valueSizeBytesMax,
): RecordJson {
  const key = cut(view.key, sizeBytesMax)
  const value = cut(view.value, sizeBytesMax)
  // A cut value is text: half of a JSON document is none.
  const shownKey = readText(key.bytes)
  const shownValue = value.wholeBytes === undefined ? readValue(value.bytes) : readText(value.bytes)
  return {
    partition,
    offset: view.offset,
    timestamp: view.timestamp,
    key: shownKey.value,
    value: shownValue.value,
    headers: Object.fromEntries(
      view.headers
        .slice(0, headersMax)
        .map(({ key, value }) => [key, readText(cut(value, headerSizeBytesMax).bytes).value ?? '']),
    ),
    ...pair('encoding', shownKey.encoding, shownValue.encoding),
    ...pair('truncated', key.wholeBytes, value.wholeBytes),
  }
}

/** The first `max` bytes, less the rest of a character that the cut would split. */
function cut(bytes: Uint8Array | null, max: number): { bytes: Uint8Array | null; wholeBytes?: number } {
  if (bytes === null || bytes.length <= max) return { bytes }
  let end = max
  for (let back = 0; back < 3 && end > 0 && (bytes[end]! & 0xc0) === 0x80; back++) end--
  return { bytes: bytes.subarray(0, end), wholeBytes: bytes.length }
}

function pair<Name extends string, T>(name: Name, key: T | undefined, value: T | undefined) {
  if (key === undefined && value === undefined) return {}
  const both = { ...(key !== undefined && { key }), ...(value !== undefined && { value }) }
  return { [name]: both } as { [N in Name]: { key?: T; value?: T } }
}
