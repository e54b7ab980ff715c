// The stores there are on this machine, for suites that must hold for each.
import { type LmdbLibrary, LmdbStore } from '../../../src/streams/state/lmdb-store.ts'
import { MemoryStore } from '../../../src/streams/state/memory-store.ts'
import { openRocksdb, type RocksdbLibrary } from '../../../src/streams/state/rocksdb-library.ts'
import { RocksdbStore } from '../../../src/streams/state/rocksdb-store.ts'
import { SqliteStore } from '../../../src/streams/state/sqlite-store.ts'
import type { StateStore } from '../../../src/streams/state/state-store.ts'
import type { StoreKind } from '../../../src/streams/state/store-kind.ts'

export type TestedStore = {
  readonly kind: StoreKind
  /** Why it cannot be tested here. */
  readonly missing: string | null
  open(path: string): StateStore
}

const rocksdb = libraryOrNull()
const lmdb = (await import('lmdb').catch(() => null)) as LmdbLibrary | null

/** test/install-rocksdb.sh puts the library on a Debian machine. */
function libraryOrNull(): RocksdbLibrary | null {
  try {
    return openRocksdb(null)
  } catch {
    return null
  }
}

export const testedStores: readonly TestedStore[] = [
  { kind: 'memory', missing: null, open: () => new MemoryStore() },
  { kind: 'sqlite', missing: null, open: (path) => new SqliteStore(path) },
  {
    kind: 'lmdb',
    missing: lmdb === null ? 'no addon of LMDB for this platform' : null,
    open: (path) => new LmdbStore(path, lmdb!),
  },
  {
    kind: 'rocksdb',
    missing: rocksdb === null ? 'no librocksdb on this machine: sh test/install-rocksdb.sh' : null,
    open: (path) => new RocksdbStore(path, rocksdb!),
  },
]
