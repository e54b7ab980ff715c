// Reads records out of one partition: a page of them as JSON, or a stream with one a line.
import { asOffset, type Offset } from '#base'
import type { Broker, Fetched } from '#broker'
import type { Problem } from './contract.ts'
import type { HttpLimits } from './limits.ts'
import { RecordTexts } from './record-json.ts'

export type PageRequest = {
  readonly topic: string
  readonly partition: number
  readonly from: Offset
  /** Records at most. */
  readonly limit: number
  /** Waits this long for the first record; later ones are not waited for. */
  readonly waitMs: number
  readonly signal?: AbortSignal
}

/**
 * `{records, next, startOffset, endOffset}` as text, so that stored JSON is passed on as it is. A page ends early before
 * what cannot be read: asking for `next` then says why.
 */
export async function readPage(broker: Broker, request: PageRequest, limits: HttpLimits): Promise<string> {
  const { topic, partition, limit, signal } = request
  const texts = new RecordTexts(partition)
  const records: string[] = []
  let next: number = request.from
  let sizeBytes = 0
  let fetched: Fetched | undefined
  for (;;) {
    try {
      fetched = await broker.fetch({
        topic,
        partition,
        from: asOffset(next),
        bytesMax: limits.fetchSizeBytesMax,
        waitMs: records.length === 0 ? request.waitMs : 0,
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (thrown) {
      if (fetched === undefined || records.length === 0) throw thrown
      return pageText(records, next, fetched)
    }
    next = texts.read(fetched.batches, next, (text) => {
      records.push(text)
      sizeBytes += text.length
      return records.length < limit && sizeBytes < limits.pageSizeBytesMax
    })
    const full = records.length >= limit || sizeBytes >= limits.pageSizeBytesMax
    if (full || fetched.batches.length === 0 || next >= fetched.endOffset)
      return pageText(records, next, fetched)
  }
}

function pageText(records: readonly string[], next: number, { startOffset, endOffset }: Fetched): string {
  return `{"records":[${records.join(',')}],"next":${next},"startOffset":${startOffset},"endOffset":${endOffset}}`
}

export type LinesRequest = {
  readonly topic: string
  readonly partition: number
  readonly from: Offset
  /** Ends before this offset; null follows for ever. */
  readonly until: Offset | null
  readonly limit: number
  readonly signal: AbortSignal
  /** Called once, however the stream ends. */
  done(): void
  report(thrown: unknown): Problem
}

/** One record a line. Reads on only when the client has taken what was sent. */
export function streamLines(
  broker: Broker,
  request: LinesRequest,
  limits: HttpLimits,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const lines = nextLines(broker, request, limits)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await lines.next()
          if (!done) return controller.enqueue(encoder.encode(value))
          request.done()
          controller.close()
        } catch (thrown) {
          // The status is sent: all that is left is a last line that is no record.
          request.done()
          controller.enqueue(encoder.encode(`${JSON.stringify(request.report(thrown))}\n`))
          controller.close()
        }
      },
      cancel: () => request.done(),
    },
    { highWaterMark: 1 },
  )
}

async function* nextLines(
  broker: Broker,
  { topic, partition, from, until, limit, signal }: LinesRequest,
  limits: HttpLimits,
): AsyncGenerator<string, void, undefined> {
  const texts = new RecordTexts(partition)
  let next: number = from
  let remaining = limit
  while (remaining > 0 && !signal.aborted && (until === null || next < until)) {
    const fetched = await broker.fetch({
      topic,
      partition,
      from: asOffset(next),
      bytesMax: limits.fetchSizeBytesMax,
      waitMs: until === null ? limits.waitMsMax : 0,
      signal,
    })
    if (fetched.batches.length === 0 && until !== null) return
    let chunk = ''
    next = texts.read(fetched.batches, next, (text) => {
      chunk += `${text}\n`
      return --remaining > 0
    })
    if (chunk !== '') yield chunk
  }
}
