import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { distinctFiles, existingFile } from '../../src/node/app-files.ts'

const directory = mkdtempSync(join(tmpdir(), 'pspf-app-files-'))
const [a, b, link] = ['a.ts', 'b.ts', 'link.ts'].map((name) => join(directory, name)) as [
  string,
  string,
  string,
]
writeFileSync(a, '')
writeFileSync(b, '')
symlinkSync(a, link)
mkdirSync(join(directory, 'folder.ts'))
afterAll(() => rmSync(directory, { recursive: true }))

test('a file named twice, also by another path, is one app', () => {
  expect(distinctFiles([a, b, a, link])).toEqual([a, b])
})

test('what is missing or no file is refused with the way out', () => {
  expect(existingFile(a)).toBe(a)
  expect(() => existingFile(join(directory, 'none.ts'))).toThrow('there is no app file')
  expect(() => existingFile(join(directory, 'folder.ts'))).toThrow('is a directory, not an app file')
})
