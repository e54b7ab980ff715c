import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { codeFrame, placeAt } from '../../../src/streams/process/code-frame.ts'

const source = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`).join('\n')

test('a frame has three lines before and after, with aligned numbers', () => {
  expect(codeFrame(source, { file: 'a.ts', line: 8, column: 6 })).toBe(
    `   5 | line 5
   6 | line 6
   7 | line 7
>  8 | line 8
     |      ^
   9 | line 9
  10 | line 10
  11 | line 11`,
  )
})

test('the caret of a line with tabs stands under its character', () => {
  expect(codeFrame('\tfoo()', { file: 'a.ts', line: 1, column: 2 })).toBe('> 1 | \tfoo()\n    | \t^')
})

test('a line as long as a bundle is cut around the place', () => {
  const frame = codeFrame('x'.repeat(5_000) + 'HERE', { file: 'a.ts', line: 1, column: 5_001 })
  expect(frame.length).toBeLessThan(400)
  const [text, caret] = frame.split('\n')
  expect(text!.slice(caret!.indexOf('^'))).toStartWith('HERE')
})

test('a place outside the source never throws', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.integer({ min: -5, max: 40 }),
      fc.integer({ min: -5, max: 400 }),
      (text, line, column) => {
        expect(codeFrame(text, { file: 'a.ts', line, column })).toContain('^')
      },
    ),
  )
})

test('placeAt counts lines and columns from 1', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z]{0,5}$/), { minLength: 1 }), fc.nat(), (lines, seed) => {
      const text = lines.join('\n')
      const index = seed % (text.length + 1)
      const place = placeAt('a.ts', text, index)
      const start = lines.slice(0, place.line - 1).reduce((sum, line) => sum + line.length + 1, 0)
      expect(start + place.column - 1).toBe(index)
    }),
  )
})
