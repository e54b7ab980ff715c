// A real process with fewer descriptors than partitions.
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { because, missing } from './injection.ts'

const filesMax = 64
const partitionCount = 120

async function appendTo(directory: string): Promise<unknown> {
  const writer = join(import.meta.dir, 'many-partitions.ts')
  const command = ['prlimit', `--nofile=${filesMax}:${filesMax}`, process.execPath, writer]
  const child = Bun.spawn([...command, directory, String(partitionCount)], {
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 60_000,
  })
  const [told, complaint] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  expect(complaint).toBe('')
  return JSON.parse(told)
}

test.skipIf(missing.prlimit !== null)(
  because(
    'more partitions than descriptors: all of them take appends, and a start after a kill has them',
    missing.prlimit,
  ),
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pspf-descriptors-'))
    try {
      for (const life of [1, 2])
        expect(await appendTo(directory)).toEqual({
          filesMax,
          records: 2 * life * partitionCount,
          state: 'open',
        })
    } finally {
      rmSync(directory, { recursive: true })
    }
  },
  120_000,
)
