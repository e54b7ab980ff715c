// Writes stored records as JSON text. A value that is JSON goes out as the very text that is stored: nothing is parsed
// and written again, so no number changes on its way.
import { type Header, RecordCursor, type RecordView, readBatchHeader, readText } from '#record'

/** Records of fetched batches, one JSON text each. Reads on where the last page ended. */
export class RecordTexts {
  readonly #cursor = new RecordCursor()
  readonly #partition: number

  constructor(partition: number) {
    this.#partition = partition
  }

  /**
   * Calls `take` with the text of each record at or after `from`, until it answers false.
   * Answers the offset after the last record that was taken, or after the batches if all were.
   */
  read(batches: Uint8Array, from: number, take: (text: string) => boolean): number {
    const cursor = this.#cursor
    let next = from
    cursor.reset(batches, from)
    while (cursor.next()) {
      const wantsMore = take(this.#text())
      next = cursor.offset + 1
      if (!wantsMore) return next
    }
    return Math.max(next, endOffset(batches))
  }

  #text(): string {
    const { offset, timestamp } = this.#cursor
    const key = this.#cursor.key()
    const value = this.#cursor.value()
    const headers = this.#cursor.headers()
    return recordText({ partition: this.#partition, offset, timestamp, key, value, headers })
  }
}

/** A record with the partition where it lies. */
export function recordText(record: RecordView & { readonly partition: number }): string {
  const { partition, offset, timestamp, headers } = record
  const key = readText(record.key)
  const value = valueText(record.value)
  const encoding =
    key.encoding === undefined && !value.base64
      ? ''
      : `,"encoding":${JSON.stringify({ ...(key.encoding && { key: 'base64' }), ...(value.base64 && { value: 'base64' }) })}`
  const head = `{"partition":${partition},"offset":${offset},"timestamp":${timestamp}`
  return `${head},"key":${JSON.stringify(key.value)},"value":${value.json},"headers":${headersText(headers)}${encoding}}`
}

function headersText(headers: readonly Header[]): string {
  if (headers.length === 0) return '{}'
  const parts = headers.map(
    ({ key, value }) => `${JSON.stringify(key)}:${JSON.stringify(readText(value).value ?? '')}`,
  )
  return `{${parts.join(',')}}`
}

/** One past the last record of batches that the cursor has read: what compaction left out and markers count too. */
function endOffset(batches: Uint8Array): number {
  let end = 0
  for (let position = 0; position < batches.length; ) {
    const header = readBatchHeader(batches, position)
    end = header.lastOffset + 1
    position += header.sizeBytes
  }
  return end
}

function valueText(bytes: Uint8Array | null): { json: string; base64: boolean } {
  const shown = readText(bytes)
  if (shown.value === null) return { json: 'null', base64: false }
  if (shown.encoding !== undefined) return { json: JSON.stringify(shown.value), base64: true }
  return { json: isJson(shown.value) ? onOneLine(shown.value) : JSON.stringify(shown.value), base64: false }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    // Text that is no JSON is shown as a text.
    return false
  }
}

/** Between the tokens of JSON a line break is a space; inside its strings there is none. */
function onOneLine(text: string): string {
  return text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]+/g, ' ') : text
}
