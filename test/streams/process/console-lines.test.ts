import { expect, test } from 'bun:test'
import { readLines } from '../../../src/streams/process/console-lines.ts'
import { TestClock } from '../../broker/fixture.ts'

const streamOf = (...chunks: (string | Uint8Array)[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) {
        controller.enqueue(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk)
      }
      controller.close()
    },
  })

async function linesOf(stream: ReadableStream<Uint8Array>) {
  const lines: string[] = []
  await readLines(stream, new TestClock(), (line) => lines.push(line))
  return lines
}

test('lines are whole whatever the chunks, also the last one without an end', async () => {
  expect(await linesOf(streamOf('he', 'llo\nwor', 'ld\r\n\nend'))).toEqual(['hello', 'world', 'end'])
})

test('a character cut by a chunk is put together again', async () => {
  const bytes = new TextEncoder().encode('größe\n')
  expect(await linesOf(streamOf(bytes.slice(0, 3), bytes.slice(3)))).toEqual(['größe'])
})

test('a line without end is cut', async () => {
  const [line] = await linesOf(streamOf('x'.repeat(100_000)))
  expect(line!.length).toBe(4_096)
})

test('beyond 200 lines a second lines are left out and counted', async () => {
  const lines = await linesOf(streamOf('x\n'.repeat(1_000)))
  expect(lines.length).toBe(201)
  expect(lines.at(-1)).toBe('(800 more lines were left out)')
})
