// `pspf test` as a user has it: the binary in an empty folder, the files of the guide, nothing installed, no network.
import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Sandbox } from './binary.ts'

const sandbox = new Sandbox()
afterAll(() => sandbox.remove())
const page = readFileSync(join(import.meta.dir, '../../docs/streams.md'), 'utf8')
const write = (name: string, text: string) => writeFileSync(join(sandbox.folder, name), text)

test('the tests of the guide pass', async () => {
  const files = [...page.matchAll(/```ts file (\S+)\n([\s\S]*?)```/g)]
  expect(files.map(([, name]) => name)).toEqual(['shop.ts', 'shop.test.ts'])
  for (const [, name, text] of files) write(name!, text!)
  const { code, err } = await sandbox.run(['test'])
  expect(err).toContain('0 fail')
  expect(Number(/(\d+) pass/.exec(err)?.[1])).toBeGreaterThan(10)
  expect(code).toBe(0)
  const one = await sandbox.run(['test', 'shop.test.ts', '--filter', 'kept aside'])
  expect(one.err).toContain('1 pass')
  // What was laid out for the runner is gone.
  expect(readdirSync(join(sandbox.folder, 'tmp')).filter((name) => name.startsWith('pspf-test'))).toEqual([])
}, 60_000)

test('a test that fails, one that imports what is not there, and none at all end with 7', async () => {
  write('wrong.test.ts', `import { expect, test } from 'bun:test'\ntest('one', () => expect(1).toBe(2))\n`)
  const wrong = await sandbox.run(['test', 'wrong.test.ts'])
  expect(wrong.err).toContain('1 fail')
  expect(wrong.code).toBe(7)
  write('absent.test.ts', `import nothing from 'left-pad'\nnothing()\n`)
  const absent = await sandbox.run(['test', 'absent.test.ts'])
  expect(absent.err).toContain('left-pad')
  expect(absent.code).toBe(7)
  expect((await sandbox.run(['test', 'no-such-file'])).code).toBe(7)
  write('empty.test.ts', `import 'bun:test'\n`)
  const empty = await sandbox.run(['test', 'empty.test.ts'])
  expect(empty.err).toContain('there is no test')
  expect(empty.code).toBe(7)
}, 60_000)

test('packages beside the test are found, and `open` runs a whole node in it', async () => {
  mkdirSync(join(sandbox.folder, 'node_modules/left-pad'), { recursive: true })
  write('node_modules/left-pad/index.js', `module.exports = (text) => ' ' + text`)
  write('node_modules/left-pad/package.json', `{ "name": "left-pad", "main": "index.js" }`)
  write(
    'whole.test.ts',
    `import { expect, test } from 'bun:test'
import { open, topic } from 'pspf'
import pad from 'left-pad'
test('a node', async () => {
  const pspf = await open({ dataDir: './whole-data', http: '127.0.0.1:0' })
  await pspf.produce(topic('words'), [{ word: pad('x') }])
  for await (const { value } of pspf.consume('words')) {
    expect(value).toEqual({ word: ' x' })
    break
  }
  expect((await fetch(pspf.url + '/health')).status).toBe(200)
  await pspf.close()
})
`,
  )
  const { code, err } = await sandbox.run(['test', 'whole.test.ts'])
  expect(err).toContain('1 pass')
  expect(code).toBe(0)
}, 60_000)
