// What an app's nodes and their state were begun as, kept in the log: the next version of the app is compared with it.
//
// Topic `<app>.layout`, one partition, compacted. Key `layout`; value: JSON of `Layout`, the last one counts. It is written
// before any task of a new layout runs, so that a crash in between finds tasks that have not begun, never unknown ones.
//
// 1. Of each name one entry at most is in use; the others are `left`: what went on without them has left a gap in their
//    state, so they are never used again.
// 2. `generation` only grows, so a new entry never meets state, positions or topics of an older one.
import { asOffset, BrokerError } from '#base'
import type { TopicSpec } from '#broker'
import { BatchBuilder, RecordCursor } from '#record'
import type { LogPort } from '../api.ts'
import type { Shape } from '../graph/placement.ts'
import { endOfBatches } from '../runtime/batch-end.ts'
import type { SliceReader } from '../runtime/slice-reader.ts'

export type LayoutEntry = {
  readonly name: string
  readonly shape: Shape
  /** For people: `tumbling 1m, on-close: n = count`. */
  readonly label: string
  /** The generation in which it runs, and the one in which it was begun. */
  readonly home: number
  readonly born: number
  /** The subtopology that it is part of. */
  readonly task: string
  readonly left?: true
}

export type Layout = {
  readonly format: 1
  readonly generation: number
  readonly entries: readonly LayoutEntry[]
  /** Topics that the app writes to. */
  readonly outputs: readonly string[]
}

export const layoutTopic = (app: string): TopicSpec => ({
  name: `${app}.layout`,
  partitions: 1,
  config: { retentionMs: null, retentionBytes: null, cleanupPolicy: 'compact' },
})

const owner = 'layout'
const encoder = new TextEncoder()
const layoutKey = encoder.encode('layout')
const readSizeBytes = 256 * 1024

export type LayoutSource = { readonly port: LogPort; readonly readSlice: SliceReader }

/** null: the app has none yet. */
export async function readLayout(app: string, { port, readSlice }: LayoutSource): Promise<Layout | null> {
  const { name } = layoutTopic(app)
  const [topic] = await port.findTopics([name])
  const range = topic?.partitions[0]
  if (range === undefined) return null
  const cursor = new RecordCursor()
  let found: Layout | null = null
  for (let at = range.startOffset; at < range.endOffset; ) {
    const { slice } = await port.fetchSlice({
      topic: name,
      partition: 0,
      from: at,
      bytesMax: readSizeBytes,
      waitMs: 0,
    })
    if (slice === null) break
    const batches = await readSlice(slice)
    cursor.reset(batches, at)
    while (cursor.next()) {
      const value = cursor.value()
      if (value !== null) found = decodeLayout(value, app)
    }
    const end = endOfBatches(batches)
    if (end <= at) break
    at = asOffset(end)
  }
  return found
}

/** Durable when it resolves. */
export async function writeLayout(
  app: string,
  layout: Layout,
  { port, timestamp }: { readonly port: LogPort; readonly timestamp: number },
): Promise<void> {
  await port.ensureTopics([layoutTopic(app)])
  const epoch = await port.fence(app, owner)
  const builder = new BatchBuilder()
  builder.append({ key: layoutKey, value: encoder.encode(JSON.stringify(layout)), timestamp })
  const batches = [{ topic: layoutTopic(app).name, partition: 0, batch: builder.build() }]
  await port.commit({ group: app, owner, epoch, batches, offsets: [] })
}

function decodeLayout(value: Uint8Array, app: string): Layout {
  const layout = JSON.parse(new TextDecoder().decode(value)) as Layout
  if (layout.format === 1) return layout
  throw new BrokerError('conflict', `the layout of app "${app}" was written by a newer pspf`, {
    fix: 'run the newer one',
  })
}
