// State in SQLite, one file per task. Write-ahead mode with `synchronous=NORMAL`: a power cut may lose the last
// transactions, which the changelog brings back, but never leaves pages of different ages side by side, which nothing
// could detect. Each row carries a checksum, since SQLite keeps none; a closed file has a seal, one that was not closed is
// checked at opening. Pages that became free go back to the file system once they are half of the file.
import { Database, type SQLQueryBindings, type Statement } from 'bun:sqlite'
import { mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
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

/** Raised when the tables change: a store of another format is rebuilt, not migrated. */
const format = 2

type Row = { k: Uint8Array; v: Uint8Array; c: number }

type Opened = {
  readonly database: Database
  readonly get: Statement<Row, [Uint8Array]>
  readonly scan: Statement<Row, [Uint8Array, Uint8Array, number]>
  readonly put: Statement<unknown, [Uint8Array, Uint8Array, number]>
  readonly remove: Statement<unknown, [Uint8Array]>
  readonly place: Statement<unknown, [string, number, string]>
}

export class SqliteStore implements StateStore {
  readonly #path: string
  #opened: Opened
  #position: StorePosition | null = null

  /** A missing, foreign or damaged file becomes an empty store, unless that is refused. */
  constructor(path: string, onDamage: OnDamage = 'rebuild') {
    this.#path = path
    mkdirSync(dirname(path), { recursive: true })
    try {
      const seal = checkSeal(path)
      if (seal === 'broken') throw storeDamaged(path, 'it is not what was closed')
      removeSeal(path)
      this.#opened = open(path)
      this.#position = this.#readPosition(seal === 'intact')
    } catch (thrown) {
      if (onDamage === 'refuse') throw storeDamaged(path, toError(thrown).message, thrown)
      // Whatever is wrong with the file, its changelog has everything that was in it.
      this.#opened = this.#startOver()
    }
  }

  get position(): StorePosition | null {
    return this.#position
  }

  get(key: Uint8Array): Uint8Array | null {
    const row = this.#guard(() => this.#opened.get.get(key))
    return row === null ? null : this.#checked(row).value
  }

  *scan(from: Uint8Array, to: Uint8Array): Iterable<StateEntry> {
    // One block after another, so that neither memory nor an open cursor grows with the range.
    let start = from
    for (let rowsMax = scanRowsFirst; ; rowsMax = Math.min(rowsMax * 8, scanRowsMax)) {
      const rows = this.#guard(() => this.#opened.scan.all(start, to, rowsMax))
      for (const row of rows) yield this.#checked(row)
      if (rows.length < rowsMax) return
      start = justAfter(rows.at(-1)!.k)
    }
  }

  apply(mutations: readonly Mutation[], position: StorePosition): void {
    this.#guard(() => {
      const { database, put, remove, place } = this.#opened
      database.run('BEGIN IMMEDIATE')
      try {
        for (const { key, value } of mutations) {
          if (value === null) remove.run(key)
          else put.run(key, value, checkOf(key, value))
        }
        place.run(position.log, position.next, position.chain)
        database.run('COMMIT')
        if (isHalfEmpty(database)) database.run(`PRAGMA incremental_vacuum(${vacuumPages})`)
      } catch (thrown) {
        if (database.inTransaction) database.run('ROLLBACK')
        throw thrown
      }
    })
    this.#position = position
  }

  clear(): void {
    this.#opened.database.close()
    this.#opened = this.#startOver()
    this.#position = null
  }

  close(): void {
    const { database } = this.#opened
    database.run('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
    sealFile(this.#path)
  }

  #startOver(): Opened {
    for (const suffix of ['', '-wal', '-shm']) rmSync(this.#path + suffix, { force: true })
    removeSeal(this.#path)
    return open(this.#path)
  }

  #readPosition(isSound: boolean): StorePosition | null {
    const { database } = this.#opened
    const position = database.query<StorePosition, []>('SELECT log, next, chain FROM position').get()
    if (position === null || isSound) return position
    const [answer] = Object.values(
      database.query<Record<string, string>, []>('PRAGMA quick_check(1)').get() ?? {},
    )
    if (answer === 'ok') return position
    database.close()
    throw storeDamaged(this.#path, String(answer))
  }

  #checked({ k, v, c }: Row): StateEntry {
    if (c !== checkOf(k, v)) throw storeDamaged(this.#path, 'a row does not match its checksum')
    return { key: k, value: v }
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (thrown) {
      const code = (thrown as { code?: unknown }).code
      if (code === 'SQLITE_FULL') {
        throw new BrokerError('disk_full', `no space for state store ${this.#path}`, { cause: thrown })
      }
      throw storeDamaged(this.#path, toError(thrown).message, thrown)
    }
  }
}

/** Rows read at once: few at first, since many a scan wants no more than the first row. */
const scanRowsFirst = 16
const scanRowsMax = 1_000
/** Pages kept in memory, taken only as far as the file is that large: keys come in any order, and misses cost a read. */
const cacheSizeBytesMax = 32 * 1024 * 1024
/** Pages (of 4 KiB) in the write-ahead file before they are moved: a page that changes often is then moved once. */
const checkpointPages = 4_000
/** Free pages that a file may keep, however small it is; and how many go at a time. */
const freePagesMax = 256
const vacuumPages = 2_000

function isHalfEmpty(database: Database): boolean {
  const count = (pragma: string) =>
    Object.values(database.query<Record<string, number>, []>(`PRAGMA ${pragma}`).get() ?? {})[0] ?? 0
  const free = count('freelist_count')
  return free > freePagesMax && free * 2 > count('page_count')
}

function open(path: string): Opened {
  const database = new Database(path, { create: true, strict: true })
  try {
    // Before anything is written: a file without it never becomes smaller.
    database.run('PRAGMA auto_vacuum = INCREMENTAL')
    database.run('PRAGMA journal_mode = WAL')
    database.run('PRAGMA synchronous = NORMAL')
    database.run(`PRAGMA cache_size = -${cacheSizeBytesMax / 1024}`)
    database.run(`PRAGMA wal_autocheckpoint = ${checkpointPages}`)
    const version = database.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version
    if (version !== 0 && version !== format) throw storeDamaged(path, `it has format ${version}`)
    database.run(`PRAGMA user_version = ${format}`)
    database.run(
      'CREATE TABLE IF NOT EXISTS state (k BLOB PRIMARY KEY, v BLOB NOT NULL, c INTEGER NOT NULL) WITHOUT ROWID',
    )
    database.run(
      `CREATE TABLE IF NOT EXISTS position (
         one INTEGER PRIMARY KEY CHECK (one = 1), log TEXT NOT NULL, next INTEGER NOT NULL, chain TEXT NOT NULL)`,
    )
    return { database, ...statements(database) }
  } catch (thrown) {
    database.close()
    throw thrown
  }
}

function statements(database: Database): Omit<Opened, 'database'> {
  const query = <R, P extends SQLQueryBindings[]>(text: string) => database.query<R, P>(text)
  return {
    get: query('SELECT k, v, c FROM state WHERE k = ?'),
    scan: query(`SELECT k, v, c FROM state WHERE k >= ? AND k < ? ORDER BY k LIMIT ?`),
    put: query(
      'INSERT INTO state VALUES (?, ?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v, c = excluded.c',
    ),
    remove: query('DELETE FROM state WHERE k = ?'),
    place: query(
      `INSERT INTO position VALUES (1, ?, ?, ?)
         ON CONFLICT (one) DO UPDATE SET log = excluded.log, next = excluded.next, chain = excluded.chain`,
    ),
  }
}

/** The smallest key above this one. */
function justAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}
