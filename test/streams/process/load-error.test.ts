import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokerError, realDisk } from '#base'
import { describeError } from '../../../src/streams/process/load-error.ts'

const directory = mkdtempSync(join(tmpdir(), 'pspf-load-error-'))
const disk = realDisk()
const modules = { 'pspf-probe': { app: (options: unknown) => options, window: 1 } }

beforeAll(() => {
  Bun.plugin({
    name: 'pspf-probe',
    setup: (build) =>
      build.module('pspf-probe', () => ({ exports: modules['pspf-probe'], loader: 'object' })) as never,
  })
})
afterAll(() => {
  disk.close()
  rmSync(directory, { recursive: true })
})

/** Writes the files, imports the first, and describes what was thrown. */
async function failureOf(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const file = join(directory, Object.keys(files)[0]!)
  try {
    await import(file)
  } catch (thrown) {
    return describeError(thrown, { file, directory, disk, modules })
  }
  throw new Error('the file was expected to fail')
}

test('a syntax error shows its line, its column and three lines around', async () => {
  const failure = await failureOf({
    'syntax.ts': `import { app } from 'pspf-probe'

const speed: number = = 3
export const shop = app({ id: 'shop' })
`,
  })
  expect(failure.message).toBe('syntax.ts:3:23: syntax error: Unexpected =')
  expect(failure.frame).toBe(
    `  1 | import { app } from 'pspf-probe'
  2 |
> 3 | const speed: number = = 3
    |                       ^
  4 | export const shop = app({ id: 'shop' })`,
  )
})

test('several syntax errors show the first and count the rest', async () => {
  const failure = await failureOf({ 'several.ts': `export const a = f({ id: 'x' )\n` })
  expect(failure.message).toBe('several.ts:1:30: syntax error: Expected "}" but found ")" (and 1 more)')
})

test('a syntax error in an imported file names that file', async () => {
  const failure = await failureOf({
    'outer.ts': `import { deep } from './inner.ts'\nexport const a = deep\n`,
    'inner.ts': `export const fine = 1\nexport const deep = = 3\n`,
  })
  expect(failure.message).toStartWith('inner.ts:2:21: syntax error')
})

test('an error thrown at the top level points at the line that threw, in TypeScript coordinates', async () => {
  const failure = await failureOf({
    'throws.ts': `type Row = { name: string }

const row: Row | null = null as Row | null
function shout(value: Row | null): string {
  return value!.name.toUpperCase()
}
export const a = shout(row)
`,
  })
  expect(failure.message).toBe("throws.ts:5:10: TypeError: null is not an object (evaluating 'value.name')")
  expect(failure.frame).toContain('> 5 |   return value!.name.toUpperCase()\n    |          ^')
})

test('an error made by pspf points at the line of the user that caused it, and says the fix', async () => {
  const failure = await failureOf({
    'wrong.ts': `export const a = 1\nthrow Object.assign(new Error('x'), {})\n`,
  })
  expect(failure.message).toBe('wrong.ts:2:25: x')
  const ours = new BrokerError('invalid_request', '"soon" is not a duration', { fix: 'write it like 10s' })
  ours.stack = `Error: x\n    at parse (${join(import.meta.dir, '../../../src/base/units.ts')}:29:11)\n    at ${directory}/wrong.ts:1:8`
  const described = describeError(ours, { file: join(directory, 'wrong.ts'), directory, disk, modules })
  expect(described.message).toBe('wrong.ts:1:8: "soon" is not a duration; write it like 10s')
  expect(described.frame).toContain('> 1 | export const a = 1')
})

test('the place of a cause wins over the place of the error around it', async () => {
  const failure = await failureOf({
    'cause.ts': `function inner() {\n  throw new RangeError('too far')\n}\ntry {\n  inner()\n} catch (cause) {\n  throw new Error('no route', { cause })\n}\n`,
  })
  expect(failure.message).toBe('cause.ts:2:13: no route (because: RangeError: too far)')
})

test('something thrown that is not an error is shown as it is', async () => {
  const failure = await failureOf({ 'text.ts': `throw 'just text'\nexport {}\n` })
  expect(failure.message).toBe('text.ts: the app threw "just text" instead of an Error')
})

test('a missing export of pspf points at the name and suggests the right one', async () => {
  const failure = await failureOf({
    'export.ts': `import {\n  app,\n  windoww,\n} from 'pspf-probe'\nexport const a = app(windoww)\n`,
  })
  expect(failure.message).toBe('export.ts:3:3: "pspf-probe" has no export "windoww"; did you mean "window"?')
  expect(failure.frame).toContain('> 3 |   windoww,\n    |   ^')
})

test('a missing export of another file is found in the file that imports it', async () => {
  const failure = await failureOf({
    'chain.ts': `import { middle } from './middle.ts'\nexport const a = middle\n`,
    'middle.ts': `import { nothing } from './leaf.ts'\nexport const middle = nothing\n`,
    'leaf.ts': `export const something = 1\n`,
  })
  expect(failure.message).toBe('middle.ts:1:10: "./leaf.ts" has no export "nothing"')
})

test('a missing file is named, with the nearest one beside it', async () => {
  const failure = await failureOf({
    'relative.ts': `import { ok } from './neighbor.ts'\nexport const a = ok\n`,
    'neighbour.ts': 'export const ok = 1\n',
  })
  expect(failure.message).toBe(
    'relative.ts:1:20: cannot find the file "./neighbor.ts"; did you mean "./neighbour.ts"?',
  )
})

test('a missing npm package says how to install it', async () => {
  const failure = await failureOf({
    'package.ts': `import { x } from '@nowhere/lodash/fp'\nexport const a = x\n`,
  })
  expect(failure.message).toBe(
    'package.ts:1:19: cannot find the package "@nowhere/lodash"; run "bun add @nowhere/lodash" or "npm install @nowhere/lodash" in the folder of the app file',
  )
})

test('an app file that does not exist is one sentence', async () => {
  const file = join(directory, 'absent.ts')
  const thrown = Object.assign(new Error('x'), { specifier: file, referrer: '/$bunfs/root/pspf' })
  const failure = describeError(thrown, { file, directory, disk, modules })
  expect(failure).toEqual({ message: 'absent.ts: there is no such app file' })
})

test('a cause that the message tells already is not told twice', () => {
  const described = (thrown: Error) =>
    describeError(thrown, { file: join(directory, 'a.ts'), directory, disk, modules }).message
  const cause = new Error('unlucky 13')
  expect(described(new Error('row 7: unlucky 13', { cause }))).toEndWith('row 7: unlucky 13')
  expect(described(new Error('row 7', { cause }))).toEndWith('row 7 (because: unlucky 13)')
})

test('a refusal of the node that time can mend is known as such, however it was wrapped', () => {
  const context = { file: join(directory, 'a.ts'), directory, disk, modules }
  const full = new BrokerError('disk_full', 'no space')
  expect(describeError(full, context).retriable).toBe(true)
  expect(describeError(new Error('commit', { cause: full }), context).retriable).toBe(true)
  expect(describeError(new BrokerError('conflict', 'no'), context).retriable).toBeUndefined()
  const own = new Error('round')
  own.cause = own
  expect(describeError(own, context).retriable).toBeUndefined()
})
