// Paths of stores in a folder that goes with the tests of the file that asks.
import { afterAll } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export function storePaths(): (kind: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'pspf-stores-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  let files = 0
  return (kind) => join(folder, `${++files}`, `store.${kind}`)
}
