// Directories that earlier versions wrote: everything that was in them is there, and the log goes on in them.
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { asOffset, Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { type LogGroup, openLog, type Partition } from '#log'
import { BatchBuilder, readRecords } from '#record'

const root = mkdtempSync(join(tmpdir(), 'pspf-older-'))
afterAll(() => rmSync(root, { recursive: true }))

const fixtures = join(import.meta.dir, '..', 'fixtures')
const limits = {
  segmentSizeBytesMax: 3000,
  walFileSizeBytes: 16_000,
  appendBytesMax: 4096,
  groupBytesMax: 4096,
}

/** Puts a directory back from its packed copy: paths with their contents in base64. */
async function unpacked(name: string): Promise<string> {
  const packed = Bun.gunzipSync(await Bun.file(join(fixtures, `${name}.json.gz`)).bytes())
  const files = JSON.parse(new TextDecoder().decode(packed)) as Record<string, string>
  for (const [path, contents] of Object.entries(files)) {
    mkdirSync(join(root, name, dirname(path)), { recursive: true })
    writeFileSync(join(root, name, path), Buffer.from(contents, 'base64'))
  }
  return join(root, name)
}

async function withLog(directory: string, use: (log: LogGroup) => Promise<void>): Promise<void> {
  const disk = realDisk()
  const world = {
    disk,
    clock: realClock(),
    random: realRandom(),
    logger: silentLogger,
    metrics: new Metrics(),
  }
  const log = await openLog({ ...world, directory, ...limits })
  try {
    await use(log)
  } finally {
    await log.close()
    disk.close()
  }
}

async function valuesOf(partition: Partition): Promise<string[]> {
  const values: string[] = []
  for (let next: number = partition.startOffset; next < partition.endOffset; ) {
    for (const { offset, value } of readRecords(await partition.read(asOffset(next), 2000), next)) {
      expect(offset).toBe(asOffset(next++))
      values.push(new TextDecoder().decode(value!))
    }
  }
  return values
}

describe('a directory of 0.1.0 before block sums', () => {
  test.each(['stopped', 'killed'])('that was %s opens with everything in it, and takes more', async (how) => {
    const directory = await unpacked(`log-0.1.0-${how}`)
    const expected = (partition: number, end: number) =>
      Array.from(
        { length: end - (partition === 0 ? 60 : 0) },
        (_, index) => `${index + (partition === 0 ? 60 : 0)}/${partition}`,
      )
    await withLog(directory, async (log) => {
      expect(log.report).toMatchObject({ clean: how === 'stopped', quarantined: [], partitions: 2 })
      for (const partition of log.partitions())
        expect(await valuesOf(partition)).toEqual(expected(partition.id.partition, 200))
      for (let n = 200; n < 260; n++) {
        for (const { id } of log.partitions()) {
          const builder = new BatchBuilder()
          builder.append({ key: null, value: new TextEncoder().encode(`${n}/${id.partition}`), timestamp: 1 })
          await log.append([{ kind: 'batch', id, batch: builder.build() }])
        }
      }
    })
    await withLog(directory, async (log) => {
      for (const partition of log.partitions())
        expect(await valuesOf(partition)).toEqual(expected(partition.id.partition, 260))
    })
  })
})
