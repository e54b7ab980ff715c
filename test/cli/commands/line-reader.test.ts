import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { readLines } from '../../../src/cli/commands/line-reader.ts'

async function linesOf(chunks: readonly Uint8Array[], sizeBytesMax?: number) {
  const lines: [number, string][] = []
  const source = (async function* () {
    yield* chunks
  })()
  for await (const some of readLines(source, sizeBytesMax)) {
    for (const { number, bytes } of some) lines.push([number, new TextDecoder().decode(bytes)])
  }
  return lines
}

test('lines are the same wherever the stream is cut, and keep their numbers', async () => {
  const text = fc
    .array(fc.constantFrom('a', 'é', ' ', '\r', '\n', '{"x":1}'), { maxLength: 40 })
    .map((parts) => parts.join(''))
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.integer({ min: 1, max: 5 })), async (whole, sizes) => {
      const bytes = new TextEncoder().encode(whole)
      const chunks: Uint8Array[] = []
      for (let at = 0, index = 0; at < bytes.length; index++) {
        const size = sizes[index % (sizes.length || 1)] ?? bytes.length
        chunks.push(bytes.slice(at, at + size))
        at += size
      }
      const expected = whole
        .split('\n')
        .map((line, index): [number, string] => [index + 1, line.replace(/\r$/, '')])
        .filter(([, line]) => !/^[ \t\r]*$/.test(line))
      expect(await linesOf(chunks)).toEqual(expected)
    }),
  )
})

test('a line above the limit is refused while it is read, not when it ends', async () => {
  const endless = (async function* () {
    for (;;) yield new Uint8Array(1000).fill(0x61)
  })()
  const read = async () => {
    for await (const _lines of readLines(endless, 10_000));
  }
  await expect(read()).rejects.toThrow('line 1 is longer than 9.8 KB')
})
