// State in LMDB, one file per task: a tree of pages mapped into memory, which is the fastest to read. Its pages have no
// checksums, and a damaged one can end the process that follows it. So each value carries one and a closed file has a
// seal; one that was not closed is read whole at opening, behind a mark that says so: a start that finds the mark did not
// survive its store, and drops it. Free pages are used again; the file keeps the size that it once had.
//
//   key 00        the position, as JSON
//   key 01 …      an entry; up to `keySizeBytesMax` bytes of its key
//   key 01 … #    an entry with a longer key: its first bytes, then 16 of its SHA-256
//   value         CRC-32 of key and value (4, little-endian), then the value; of a longer key: size of the key (4), the
//                 key, the value
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { RootDatabase, RootDatabaseOptionsWithPath } from 'lmdb'
import { BrokerError, toError } from '#base'
import {
  checkOf,
  type Mutation,
  type OnDamage,
  type StateEntry,
  type StateStore,
  type StorePosition,
  storeDamaged,
} from './state-store.ts'
import { checkSeal, removeSeal, sealFile } from './store-seal.ts'

export type LmdbLibrary = { open(options: RootDatabaseOptionsWithPath): RootDatabase<Buffer, Buffer> }

/** Longer keys are stored by their hash: the library takes up to 1,978 bytes. */
const keySizeBytesMax = 1_900
const hashSizeBytes = 16
const checkSizeBytes = 4

const positionKey = Buffer.of(0)
const entrySpace = 1
const format = 1

type Meta = StorePosition & { readonly format: number }

export class LmdbStore implements StateStore {
  readonly #path: string
  readonly #library: LmdbLibrary
  #database: RootDatabase<Buffer, Buffer>
  #position: StorePosition | null = null

  /** A missing, foreign or damaged file becomes an empty store, unless that is refused. */
  constructor(path: string, library: LmdbLibrary, onDamage: OnDamage = 'rebuild') {
    this.#path = path
    this.#library = library
    mkdirSync(dirname(path), { recursive: true })
    let opened: RootDatabase<Buffer, Buffer> | null = null
    try {
      if (existsSync(this.#mark)) throw storeDamaged(path, 'the last start did not survive reading it')
      const seal = checkSeal(path)
      if (seal === 'broken') throw storeDamaged(path, 'it is not what was closed')
      removeSeal(path)
      if (seal === 'none') writeFileSync(this.#mark, '')
      this.#database = opened = this.#open()
      if (seal === 'none') this.#readWhole()
      this.#position = this.#readPosition()
      rmSync(this.#mark, { force: true })
    } catch (thrown) {
      opened?.close().catch(() => undefined)
      if (onDamage === 'refuse') throw this.#failure(thrown)
      // Whatever is wrong with the file, its changelog has everything that was in it.
      this.#database = this.#startOver()
      this.#position = null
    }
  }

  get position(): StorePosition | null {
    return this.#position
  }

  get(key: Uint8Array): Uint8Array | null {
    const stored = entryKey(key)
    const value = this.#guard(() => this.#database.getBinary(stored))
    return value === undefined ? null : this.#entry(stored, value).value
  }

  *scan(from: Uint8Array, to: Uint8Array): Iterable<StateEntry> {
    // Keys that are stored by their hash lie together where their common beginning belongs: they are sorted here.
    let long: StateEntry[] = []
    for (const { key: stored, value } of this.#rows(from, to)) {
      const entry = this.#entry(stored, value)
      const isLong = entry.key.length > keySizeBytesMax
      if (long.length > 0 && !(isLong && haveSameBeginning(long[0]!.key, entry.key))) {
        yield* inRange(long, from, to)
        long = []
      }
      if (isLong) long.push(entry)
      else yield entry
    }
    yield* inRange(long, from, to)
  }

  apply(mutations: readonly Mutation[], position: StorePosition): void {
    this.#guard(() =>
      this.#database.transactionSync(() => {
        for (const { key, value } of mutations) {
          const stored = entryKey(key)
          if (value === null) this.#database.removeSync(stored)
          else this.#database.putSync(stored, entryValue(key, value))
        }
        const meta: Meta = { ...position, format }
        this.#database.putSync(positionKey, Buffer.from(JSON.stringify(meta)))
      }),
    )
    this.#position = position
  }

  clear(): void {
    this.#release()
    this.#database = this.#startOver()
    this.#position = null
  }

  close(): void {
    this.#release()
    sealFile(this.#path)
  }

  /** While it is there, a file that nobody closed is being read whole. */
  get #mark(): string {
    return `${this.#path}.reading`
  }

  /** Writes wait for nobody here, so that closing ends before it answers. */
  #release(): void {
    this.#database.close().catch(() => undefined)
  }

  #startOver(): RootDatabase<Buffer, Buffer> {
    for (const suffix of ['', '-lock']) rmSync(this.#path + suffix, { force: true })
    removeSeal(this.#path)
    const database = this.#open()
    rmSync(this.#mark, { force: true })
    return database
  }

  #open(): RootDatabase<Buffer, Buffer> {
    return this.#library.open({
      path: this.#path,
      encoding: 'binary',
      keyEncoding: 'binary',
      noSubdir: true,
      // Data before the page that names it: a power cut may take the last commits, never half of one.
      noMetaSync: true,
      overlappingSync: false,
      eventTurnBatching: false,
      compression: false,
      cache: false,
      maxReaders: 4,
    })
  }

  *#rows(from: Uint8Array, to: Uint8Array): Iterable<{ key: Buffer; value: Buffer }> {
    // A key stored by its hash may lie on either side of one it begins like: whole groups are read, then cut.
    const end = entryKey(to)
    if (to.length > keySizeBytesMax) end.fill(0xff, end.length - hashSizeBytes)
    const start = entryKey(from).subarray(0, keySizeBytesMax + 1)
    try {
      yield* this.#database.getRange({ start, end })
    } catch (thrown) {
      throw this.#failure(thrown)
    }
  }

  #readPosition(): StorePosition | null {
    const stored = this.#database.getBinary(positionKey)
    if (stored === undefined) return null
    const { format: found, ...position } = JSON.parse(stored.toString()) as Meta
    if (found !== format) throw storeDamaged(this.#path, `it has format ${found}`)
    return position
  }

  #readWhole(): void {
    const { lastPageNumber, pageSize, entryCount } = this.#database.getStats() as Record<string, number>
    // Pages behind the end of the file would end the process that reads them.
    const isCut = statSync(this.#path).size < (lastPageNumber! + 1) * pageSize!
    if (isCut) throw storeDamaged(this.#path, 'its end is missing')
    let count = 0
    let before = Buffer.alloc(0)
    for (const { key, value } of this.#database.getRange({})) {
      if (key[0] === entrySpace) this.#entry(key, value)
      // An inner page that leads astray shows every entry to a scan, and hides some from those who ask for them.
      if (!this.#database.doesExist(key)) throw storeDamaged(this.#path, 'an entry cannot be reached')
      if (Buffer.compare(before, key) >= 0) throw storeDamaged(this.#path, 'its keys are not in order')
      before = Buffer.from(key)
      count++
    }
    if (count !== entryCount) throw storeDamaged(this.#path, `it has ${count} of ${entryCount} entries`)
  }

  #entry(stored: Uint8Array, bytes: Buffer): StateEntry {
    const isLong = stored.length > keySizeBytesMax + 1
    if (bytes.length < (isLong ? 2 : 1) * checkSizeBytes)
      throw storeDamaged(this.#path, 'a value is too short')
    const valueAt = isLong ? 2 * checkSizeBytes + bytes.readUInt32LE(checkSizeBytes) : checkSizeBytes
    const key = isLong ? bytes.subarray(2 * checkSizeBytes, valueAt) : stored.subarray(1)
    const value = bytes.subarray(valueAt)
    if (bytes.readUInt32LE() !== checkOf(key, value)) {
      throw storeDamaged(this.#path, 'a value does not match its checksum')
    }
    return { key, value }
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (thrown) {
      throw this.#failure(thrown)
    }
  }

  #failure(thrown: unknown): BrokerError {
    const { message } = toError(thrown)
    return /no space left|MDB_MAP_FULL/i.test(message)
      ? new BrokerError('disk_full', `no space for state store ${this.#path}`, { cause: thrown })
      : storeDamaged(this.#path, message, thrown)
  }
}

function entryKey(key: Uint8Array): Buffer {
  if (key.length <= keySizeBytesMax) return Buffer.concat([Buffer.of(entrySpace), key])
  const hash = new Bun.CryptoHasher('sha256').update(key).digest()
  const beginning = key.subarray(0, keySizeBytesMax)
  return Buffer.concat([Buffer.of(entrySpace), beginning, hash.subarray(0, hashSizeBytes)])
}

function entryValue(key: Uint8Array, value: Uint8Array): Buffer {
  const isLong = key.length > keySizeBytesMax
  const head = Buffer.alloc(isLong ? 2 * checkSizeBytes : checkSizeBytes)
  head.writeUInt32LE(checkOf(key, value))
  if (!isLong) return Buffer.concat([head, value])
  head.writeUInt32LE(key.length, checkSizeBytes)
  return Buffer.concat([head, key, value])
}

const haveSameBeginning = (a: Uint8Array, b: Uint8Array): boolean =>
  Buffer.compare(a.subarray(0, keySizeBytesMax), b.subarray(0, keySizeBytesMax)) === 0

function inRange(entries: readonly StateEntry[], from: Uint8Array, to: Uint8Array): StateEntry[] {
  return entries
    .filter(({ key }) => Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0)
    .sort((a, b) => Buffer.compare(a.key, b.key))
}
