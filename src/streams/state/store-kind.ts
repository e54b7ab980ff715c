// Which library keeps an app's state. All of them hold the same, so that an app may change its mind: what the one before
// has left is removed, and the new one is filled from the changelog.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError, toError } from '#base'
import { type LmdbLibrary, LmdbStore } from './lmdb-store.ts'
import { MemoryStore } from './memory-store.ts'
import { openRocksdb } from './rocksdb-library.ts'
import { RocksdbStore } from './rocksdb-store.ts'
import { SqliteStore } from './sqlite-store.ts'
import type { StateStore, StoreOpener } from './state-store.ts'

export const storeKinds = ['sqlite', 'memory', 'lmdb', 'rocksdb'] as const

/**
 * `'sqlite'` (default): a file per task. `'memory'`: read back from the changelog at each start, for state of up to some
 * hundred thousand keys. `'lmdb'`: fastest to read. `'rocksdb'`: for state much larger than memory; needs its C library
 * on the machine.
 */
export type StoreKind = (typeof storeKinds)[number]

export type StorePlace = {
  /** The app's own folder for its stores. */
  readonly directory: string
  /** File of RocksDB's C library; null: wherever the system has it. */
  readonly rocksdb: string | null
}

/** Loads the library. Throws `not_found` with the alternative where there is none. */
export async function storeOpener(kind: StoreKind, place: StorePlace): Promise<StoreOpener> {
  const { directory } = place
  const pathOf = (task: string) => {
    const name = `${task}.${kind}`
    removeOthers(directory, task, name)
    return join(directory, name)
  }
  switch (kind) {
    case 'sqlite':
      return (task) => new SqliteStore(pathOf(task))
    case 'memory':
      return (task) => {
        pathOf(task)
        return new MemoryStore()
      }
    case 'lmdb': {
      const library = await loadLmdb()
      return (task) => new LmdbStore(pathOf(task), library)
    }
    case 'rocksdb': {
      const library = openRocksdb(place.rocksdb)
      return (task) => new RocksdbStore(pathOf(task), library)
    }
  }
}

/** A store's file or folder as it lies in an app's state directory. */
export type StoreFile = {
  readonly task: string
  readonly kind: StoreKind
  readonly path: string
  readonly sizeBytes: number
}

/** Those of an app, by name. */
export function storeFilesIn(directory: string): StoreFile[] {
  const names = existsSync(directory) ? readdirSync(directory).sort() : []
  return names.flatMap((name): StoreFile[] => {
    const kind = storeKinds.find((one) => name.endsWith(`.${one}`))
    if (kind === undefined) return []
    const path = join(directory, name)
    const parts = companions.map((suffix) => path + suffix).filter((part) => existsSync(part))
    const sizeBytes = parts.reduce((sum, part) => sum + sizeOf(part), 0)
    return [{ task: name.slice(0, -kind.length - 1), kind, path, sizeBytes }]
  })
}

/** To be looked at: throws `corrupt` where an app would begin anew, and leaves it as it is. */
export async function openStoreFile({ kind, path }: StoreFile, rocksdb: string | null): Promise<StateStore> {
  switch (kind) {
    case 'sqlite':
      return new SqliteStore(path, 'refuse')
    case 'lmdb':
      return new LmdbStore(path, await loadLmdb(), 'refuse')
    case 'rocksdb':
      return new RocksdbStore(path, openRocksdb(rocksdb), 'refuse')
    case 'memory':
      throw new BrokerError('not_found', `${path} is no store`)
  }
}

function sizeOf(path: string): number {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.size
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

async function loadLmdb(): Promise<LmdbLibrary> {
  try {
    return (await import('lmdb')) as unknown as LmdbLibrary
  } catch (thrown) {
    const machine = `${process.platform}-${process.arch}`
    throw new BrokerError(
      'not_found',
      `the app keeps its state in LMDB, which this pspf has not for ${machine}`,
      {
        fix: `use app({ store: 'sqlite' }) (${toError(thrown).message})`,
        cause: thrown,
      },
    )
  }
}

/** What a file of a store may have beside it. */
const companions = ['', '-wal', '-shm', '-lock', '.reading', '.seal']

/** What other kinds of store have left of this task: nobody would bring it forward. */
function removeOthers(directory: string, task: string, keep: string): void {
  mkdirSync(directory, { recursive: true })
  const others = storeKinds.map((kind) => `${task}.${kind}`).filter((name) => name !== keep)
  const left = new Set(others.flatMap((name) => companions.map((suffix) => name + suffix)))
  for (const name of readdirSync(directory)) {
    if (left.has(name)) rmSync(join(directory, name), { recursive: true, force: true })
  }
}
