// The input as a file of lines, which every subject reads: made once, named after what it holds, known by its hash.
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Event } from './event.ts'
import { EventGenerator } from './generator.ts'

export type InputFile = {
  readonly path: string
  /** With the one that ends it. */
  readonly events: number
  readonly sizeBytes: number
  readonly sha256: string
}

/** Further in time than any window, session or auction reaches. */
const endAfterMs = 3_600_000
const chunkSizeBytes = 4 * 2 ** 20

export async function inputFile(
  folder: string,
  { seed, rate, count }: { seed: number; rate: number; count: number },
): Promise<InputFile> {
  const path = join(folder, `events-${seed}-${rate}-${count}.ndjson`)
  mkdirSync(folder, { recursive: true })
  if (!existsSync(path)) await writeInput(path, new EventGenerator({ seed, rate }), count)
  const file = Bun.file(path)
  const hash = new Bun.CryptoHasher('sha256')
  for await (const part of file.stream()) hash.update(part)
  return { path, events: count + 1, sizeBytes: file.size, sha256: hash.digest('hex') }
}

async function writeInput(path: string, generator: EventGenerator, count: number): Promise<void> {
  const writer = Bun.file(`${path}.part`).writer()
  for (let n = 0; n < count; n++) writer.write(`${JSON.stringify(generator.event(n))}\n`)
  writer.write(`${JSON.stringify({ kind: 'end', dateTime: generator.timeOf(count) + endAfterMs })}\n`)
  await writer.end()
  renameSync(`${path}.part`, path)
}

/** Whole lines, a few megabytes at a time. */
export async function* linesInChunks(path: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await Bun.file(path).arrayBuffer())
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.lastIndexOf(10, Math.min(start + chunkSizeBytes, bytes.length) - 1) + 1
    yield bytes.subarray(start, end)
    start = end
  }
}

export async function readEvents(path: string): Promise<Event[]> {
  const events: Event[] = []
  for await (const chunk of linesInChunks(path)) {
    for (const event of Bun.JSONL.parse(chunk) as Event[]) events.push(event)
  }
  return events
}
