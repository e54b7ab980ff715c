// State in RocksDB, one folder per task. A commit is one write of one batch, handed over in the library's own encoding, so
// that a call crosses into it once per commit and not once per key:
//
//   batch     sequence (8 bytes, zero), count (4), then per mutation
//             1 <key size> key <value size> value    put; sizes are varints
//             0 <key size> key                       delete
//   key 00    the position, as JSON
//   key 01 …  an entry of state
//
// The library keeps checksums of everything; its write-ahead log is not synced: a power cut takes the last commits, whole,
// which the changelog brings back.
import { CString, type Pointer, toArrayBuffer } from 'bun:ffi'
import { mkdirSync, rmSync } from 'node:fs'
import { assert, BrokerError } from '#base'
import type { RocksdbLibrary } from './rocksdb-library.ts'
import {
  type Mutation,
  type OnDamage,
  type StateEntry,
  type StateStore,
  type StorePosition,
  storeDamaged,
} from './state-store.ts'

const blockCacheSizeBytes = 32 * 1024 * 1024
/** Kept in memory before it becomes a file. */
const writeBufferSizeBytes = 16 * 1024 * 1024
const openFilesMax = 64
const infoLogFiles = 1
const fatalOnly = 4

const putTag = 1
const deleteTag = 0
const headerSizeBytes = 12
const countAt = 8
const varintSizeBytesMax = 5

const positionKey = Uint8Array.of(0)
const entrySpace = 1
const format = 1

type Opened = { readonly database: Pointer; readonly writing: Pointer; readonly reading: Pointer }

export class RocksdbStore implements StateStore {
  readonly #path: string
  readonly #library: RocksdbLibrary
  #opened: Opened
  #position: StorePosition | null = null
  #batch = new Uint8Array(64 * 1024)
  /** Where the library says how long something is, and what went wrong. */
  readonly #size = new BigUint64Array(1)
  readonly #error = new BigUint64Array(1)

  /** A missing, foreign or damaged folder becomes an empty store, unless that is refused. */
  constructor(path: string, library: RocksdbLibrary, onDamage: OnDamage = 'rebuild') {
    this.#path = path
    this.#library = library
    try {
      this.#opened = this.#open()
    } catch (thrown) {
      if (onDamage === 'refuse') throw thrown
      // Whatever is wrong with the folder, its changelog has everything that was in it.
      this.#opened = this.#startOver()
    }
    try {
      this.#position = this.#readPosition()
    } catch (thrown) {
      if (onDamage === 'refuse') throw thrown
      this.clear()
    }
  }

  get position(): StorePosition | null {
    return this.#position
  }

  get(key: Uint8Array): Uint8Array | null {
    return this.#read(entryKey(key))
  }

  *scan(from: Uint8Array, to: Uint8Array): Iterable<StateEntry> {
    const library = this.#library
    const end = entryKey(to)
    const first = entryKey(from)
    const { database, reading } = this.#opened
    const iterator = pointer(library.rocksdb_create_iterator(database, reading))
    try {
      library.rocksdb_iter_seek(iterator, first, first.length)
      while (library.rocksdb_iter_valid(iterator) === 1) {
        const key = this.#copy(library.rocksdb_iter_key(iterator, this.#size))
        if (Buffer.compare(key, end) >= 0) return
        const value = this.#copy(library.rocksdb_iter_value(iterator, this.#size))
        library.rocksdb_iter_next(iterator)
        yield { key: key.subarray(1), value }
      }
      library.rocksdb_iter_get_error(iterator, this.#error)
      this.#check()
    } finally {
      library.rocksdb_iter_destroy(iterator)
    }
  }

  apply(mutations: readonly Mutation[], position: StorePosition): void {
    const library = this.#library
    const sizeBytes = this.#encode(mutations, position)
    const batch = pointer(library.rocksdb_writebatch_create_from(this.#batch, sizeBytes))
    library.rocksdb_write(this.#opened.database, this.#opened.writing, batch, this.#error)
    library.rocksdb_writebatch_destroy(batch)
    this.#check()
    this.#position = position
  }

  clear(): void {
    this.close()
    this.#opened = this.#startOver()
    this.#position = null
  }

  close(): void {
    this.#library.rocksdb_close(this.#opened.database)
  }

  #startOver(): Opened {
    rmSync(this.#path, { recursive: true, force: true })
    return this.#open()
  }

  #open(): Opened {
    mkdirSync(this.#path, { recursive: true })
    const library = this.#library
    const options = pointer(library.rocksdb_options_create())
    library.rocksdb_options_set_create_if_missing(options, 1)
    library.rocksdb_options_set_write_buffer_size(options, writeBufferSizeBytes)
    library.rocksdb_options_set_max_open_files(options, openFilesMax)
    library.rocksdb_options_set_keep_log_file_num(options, infoLogFiles)
    library.rocksdb_options_set_info_log_level(options, fatalOnly)
    const table = pointer(library.rocksdb_block_based_options_create())
    const cache = pointer(library.rocksdb_cache_create_lru(blockCacheSizeBytes))
    library.rocksdb_block_based_options_set_block_cache(table, cache)
    library.rocksdb_options_set_block_based_table_factory(options, table)
    const name = Buffer.from(`${this.#path}\0`)
    const database = library.rocksdb_open(options, name, this.#error)
    this.#check()
    return {
      database: pointer(database),
      writing: pointer(library.rocksdb_writeoptions_create()),
      reading: pointer(library.rocksdb_readoptions_create()),
    }
  }

  #readPosition(): StorePosition | null {
    const stored = this.#read(positionKey)
    if (stored === null) return null
    const { format: found, ...position } = JSON.parse(Buffer.from(stored).toString()) as StorePosition & {
      format: number
    }
    if (found !== format) throw storeDamaged(this.#path, `it has format ${found}`)
    return position
  }

  #read(key: Uint8Array): Uint8Array | null {
    const { database, reading } = this.#opened
    const library = this.#library
    const value = library.rocksdb_get(database, reading, key, key.length, this.#size, this.#error)
    this.#check()
    if (value === null) return null
    const copy = this.#copy(value)
    library.rocksdb_free(pointer(value))
    return copy
  }

  #encode(mutations: readonly Mutation[], position: StorePosition): number {
    const place = Buffer.from(JSON.stringify({ format, ...position }))
    let sizeBytesMax = headerSizeBytes + place.length + 2 * (1 + varintSizeBytesMax)
    for (const { key, value } of mutations) {
      sizeBytesMax += 2 + 2 * varintSizeBytesMax + key.length + (value?.length ?? 0)
    }
    if (this.#batch.length < sizeBytesMax) this.#batch = new Uint8Array(sizeBytesMax * 2)
    const into = this.#batch
    into.fill(0, 0, headerSizeBytes)
    new DataView(into.buffer).setUint32(countAt, mutations.length + 1, true)
    let at = headerSizeBytes
    for (const { key, value } of mutations) {
      into[at++] = value === null ? deleteTag : putTag
      at = writeVarint(into, at, key.length + 1)
      into[at++] = entrySpace
      into.set(key, at)
      at += key.length
      if (value === null) continue
      at = writeSized(into, at, value)
    }
    into[at++] = putTag
    at = writeSized(into, at, positionKey)
    return writeSized(into, at, place)
  }

  /** The library's bytes are gone after its next call. */
  #copy(from: Answered): Uint8Array {
    const sizeBytes = Number(this.#size[0])
    if (sizeBytes === 0) return new Uint8Array()
    return new Uint8Array(toArrayBuffer(pointer(from), 0, sizeBytes)).slice()
  }

  #check(): void {
    const at = Number(this.#error[0])
    if (at === 0) return
    this.#error[0] = 0n
    const why = new CString(at as Pointer).toString()
    this.#library.rocksdb_free(at as Pointer)
    if (why.includes('No space left')) {
      throw new BrokerError('disk_full', `no space for state store ${this.#path}`)
    }
    throw storeDamaged(this.#path, why)
  }
}

/** A pointer as the runtime answers it. */
type Answered = Pointer | bigint | null

function pointer(answered: Answered): Pointer {
  assert(answered !== null, 'rocksdb answers something or says why not')
  return Number(answered) as Pointer
}

function entryKey(key: Uint8Array): Uint8Array {
  const stored = new Uint8Array(key.length + 1)
  stored[0] = entrySpace
  stored.set(key, 1)
  return stored
}

function writeVarint(into: Uint8Array, at: number, value: number): number {
  let left = value
  while (left > 0x7f) {
    into[at++] = (left & 0x7f) | 0x80
    left >>>= 7
  }
  into[at++] = left
  return at
}

function writeSized(into: Uint8Array, at: number, bytes: Uint8Array): number {
  const start = writeVarint(into, at, bytes.length)
  into.set(bytes, start)
  return start + bytes.length
}
