import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { torture } from './kill-torture.ts'

test('a process killed amid its writes loses nothing that it acknowledged', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pspf-kill-'))
  const result = await torture({ rounds: 5, seed: 3, directory })
  expect(result.rounds).toBe(5)
  expect(result.acknowledged).toBeGreaterThan(100)
  expect(result.replayed).toBeGreaterThan(0)
  rmSync(directory, { recursive: true })
}, 60_000)
