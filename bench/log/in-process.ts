// The subjects that live in the load's own process: the log, SQLite, and the disk itself.
import { Database } from 'bun:sqlite'
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Metrics, realClock, realDisk, realRandom, silentLogger } from '#base'
import { openLog } from '#log'
import { BatchBuilder } from '#record'
import { groupBytesMax, type Shape } from './shape.ts'
import { groupedByHand, letters, type Target } from './target.ts'

const topicId = 'a'.repeat(32)
/** Above the most that any shape has in flight, so that back-pressure is not what is measured. */
const pendingBytesMax = 512 * 2 ** 20
/** The raw file is written over and over, as files of a write-ahead log are. */
const rawFileBytes = 256 * 2 ** 20

const appendsPerGroup = ({ bytes, records }: Shape) =>
  Math.max(1, Math.floor(groupBytesMax / (bytes * records)))

export function batchOf({ bytes, records }: Shape): Uint8Array {
  const builder = new BatchBuilder()
  const value = Buffer.from(letters(bytes))
  const timestamp = realClock().now()
  for (let index = 0; index < records; index++) builder.append({ key: null, value, timestamp })
  return builder.build()
}

export async function logTarget(directory: string, shape: Shape): Promise<Target> {
  const disk = realDisk()
  const world = { clock: realClock(), random: realRandom(), logger: silentLogger, metrics: new Metrics() }
  const log = await openLog({ ...world, disk, directory, pendingBytesMax })
  const ids = Array.from({ length: shape.partitions }, (_, partition) => ({ topicId, partition }))
  await log.append(ids.map((id) => ({ kind: 'create', id, topic: 'bench' })))
  const batch = batchOf(shape)
  return {
    append: (partition) => log.append([{ kind: 'batch', id: ids[partition]!, batch }]),
    async close() {
      await log.close()
      disk.close()
    },
  }
}

/** One table, one transaction a group, synced at its commit. */
export function sqliteTarget(directory: string, shape: Shape): Target {
  const database = new Database(join(directory, 'log.sqlite'), { create: true })
  database.run('PRAGMA journal_mode = WAL')
  database.run('PRAGMA synchronous = FULL')
  database.run('CREATE TABLE log (id INTEGER PRIMARY KEY, part INTEGER NOT NULL, value BLOB NOT NULL)')
  const insert = database.prepare('INSERT INTO log (part, value) VALUES (?, ?)')
  const value = Buffer.from(letters(shape.bytes))
  const commit = database.transaction((partitions: readonly number[]) => {
    for (const partition of partitions) {
      for (let index = 0; index < shape.records; index++) insert.run(partition, value)
    }
  })
  const target = groupedByHand(appendsPerGroup(shape), (partitions) => void commit(partitions))
  return { ...target, close: () => database.close() }
}

/** The floor: one write and one sync for all that waits, into a file whose blocks are there already. */
export function rawTarget(directory: string, shape: Shape): Target {
  const descriptor = openSync(join(directory, 'raw'), 'w')
  const group = Buffer.from(letters(Math.max(groupBytesMax, shape.bytes * shape.records)))
  for (let at = 0; at < rawFileBytes; at += group.length) writeSync(descriptor, group, 0, group.length, at)
  fdatasyncSync(descriptor)
  let position = 0
  const target = groupedByHand(appendsPerGroup(shape), ({ length }) => {
    const sizeBytes = length * shape.bytes * shape.records
    if (position + sizeBytes > rawFileBytes) position = 0
    writeSync(descriptor, group, 0, sizeBytes, position)
    fdatasyncSync(descriptor)
    position += sizeBytes
  })
  return { ...target, close: () => closeSync(descriptor) }
}
