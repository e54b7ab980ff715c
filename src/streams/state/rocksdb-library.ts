// The functions of RocksDB's C library that a store needs, and where the library is found. It is the machine's own: a
// package such as librocksdb, or a file named by whoever runs pspf. Nothing of it is in the executable.
import { dlopen } from 'bun:ffi'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError, toError } from '#base'

const symbols = {
  rocksdb_options_create: { args: [], returns: 'ptr' },
  rocksdb_options_set_create_if_missing: { args: ['ptr', 'u8'], returns: 'void' },
  rocksdb_options_set_write_buffer_size: { args: ['ptr', 'usize'], returns: 'void' },
  rocksdb_options_set_max_open_files: { args: ['ptr', 'i32'], returns: 'void' },
  rocksdb_options_set_keep_log_file_num: { args: ['ptr', 'usize'], returns: 'void' },
  rocksdb_options_set_info_log_level: { args: ['ptr', 'i32'], returns: 'void' },
  rocksdb_block_based_options_create: { args: [], returns: 'ptr' },
  rocksdb_block_based_options_set_block_cache: { args: ['ptr', 'ptr'], returns: 'void' },
  rocksdb_options_set_block_based_table_factory: { args: ['ptr', 'ptr'], returns: 'void' },
  rocksdb_cache_create_lru: { args: ['usize'], returns: 'ptr' },
  rocksdb_writeoptions_create: { args: [], returns: 'ptr' },
  rocksdb_readoptions_create: { args: [], returns: 'ptr' },
  rocksdb_open: { args: ['ptr', 'ptr', 'ptr'], returns: 'ptr' },
  rocksdb_close: { args: ['ptr'], returns: 'void' },
  rocksdb_writebatch_create_from: { args: ['ptr', 'usize'], returns: 'ptr' },
  rocksdb_writebatch_destroy: { args: ['ptr'], returns: 'void' },
  rocksdb_write: { args: ['ptr', 'ptr', 'ptr', 'ptr'], returns: 'void' },
  rocksdb_get: { args: ['ptr', 'ptr', 'ptr', 'usize', 'ptr', 'ptr'], returns: 'ptr' },
  rocksdb_free: { args: ['ptr'], returns: 'void' },
  rocksdb_create_iterator: { args: ['ptr', 'ptr'], returns: 'ptr' },
  rocksdb_iter_seek: { args: ['ptr', 'ptr', 'usize'], returns: 'void' },
  rocksdb_iter_valid: { args: ['ptr'], returns: 'u8' },
  rocksdb_iter_next: { args: ['ptr'], returns: 'void' },
  rocksdb_iter_key: { args: ['ptr', 'ptr'], returns: 'ptr' },
  rocksdb_iter_value: { args: ['ptr', 'ptr'], returns: 'ptr' },
  rocksdb_iter_get_error: { args: ['ptr', 'ptr'], returns: 'void' },
  rocksdb_iter_destroy: { args: ['ptr'], returns: 'void' },
} as const

export type RocksdbLibrary = ReturnType<typeof load>

const load = (file: string) => dlopen(file, symbols).symbols

/** Where systems keep shared libraries. */
const libraryFolders = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
  '/opt/homebrew/lib',
]

/** `given`: a file that must be the one; null looks where systems have it. Throws `not_found` that says what to do. */
export function openRocksdb(given: string | null): RocksdbLibrary {
  const candidates = given === null ? systemLibraries() : [given]
  const refusals: unknown[] = []
  for (const file of candidates) {
    try {
      return load(file)
    } catch (thrown) {
      refusals.push(thrown)
    }
  }
  const [first] = refusals
  const why =
    first === undefined
      ? 'no librocksdb is installed on this machine'
      : `${candidates[0]} cannot be used (${toError(first).message})`
  throw new BrokerError('not_found', `the app keeps its state in RocksDB, and ${why}`, {
    fix: "install it (Debian: librocksdb-dev), name the file by PSPF_ROCKSDB=/path/librocksdb.so, or use app({ store: 'sqlite' })",
    cause: first,
  })
}

function systemLibraries(): string[] {
  const found: string[] = []
  for (const folder of libraryFolders) {
    if (!existsSync(folder)) continue
    const names = readdirSync(folder).filter((name) => /^librocksdb\.(so|dylib)(\.[0-9.]+)?$/.test(name))
    found.push(...names.sort().map((name) => join(folder, name)))
  }
  return found
}
