// Cuts a stream of bytes into lines, as they are, with their numbers. Nothing waits for the end of the stream, and no
// line can take more memory than its limit.
import { BrokerError, formatSize } from '#base'

/** A request may have 16 MiB; a line has to fit into one. */
export const lineSizeBytesMax = 16 * 2 ** 20

export type Line = { readonly number: number; readonly bytes: Uint8Array }

/** Lines in the pieces in which they arrived, blank ones left out. A last line needs no line end. */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  sizeBytesMax = lineSizeBytesMax,
): AsyncGenerator<Line[]> {
  let number = 0
  let parts: Uint8Array[] = []
  let partsSize = 0
  const hold = (bytes: Uint8Array) => {
    partsSize += bytes.length
    if (partsSize > sizeBytesMax) throw tooLong(number + 1, sizeBytesMax)
    if (bytes.length > 0) parts.push(bytes)
  }
  const finish = (): Line | null => {
    number++
    const whole = parts.length === 1 ? parts[0]! : new Uint8Array(Buffer.concat(parts))
    parts = []
    partsSize = 0
    const bytes = whole.at(-1) === 0x0d ? whole.subarray(0, -1) : whole
    return isBlank(bytes) ? null : { number, bytes }
  }
  for await (const chunk of input) {
    const lines: Line[] = []
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      hold(chunk.subarray(start, end))
      const line = finish()
      if (line) lines.push(line)
      start = end + 1
    }
    // The stream may reuse the chunk's memory, so what waits for its line end is copied.
    hold(chunk.slice(start))
    yield lines
  }
  const last = partsSize > 0 ? finish() : null
  if (last) yield [last]
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)
}

function tooLong(line: number, sizeBytesMax: number): BrokerError {
  return new BrokerError('too_large', `line ${line} is longer than ${formatSize(sizeBytesMax)}`, {
    fix: 'a record is one line; split larger data',
    details: { line, limitBytes: sizeBytesMax },
  })
}
