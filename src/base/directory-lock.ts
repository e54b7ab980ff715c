// One process per directory. The runtime offers no file lock, but SQLite does: a database held in an exclusive
// transaction is a lock that the kernel releases when its holder dies, however it dies. Nothing is ever written to it.
// A file beside it says who the holder is; it is only for the error message.
import { Database } from 'bun:sqlite'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError, systemCode, toError } from './errors.ts'

const fullCodes = new Set(['ENOSPC', 'EDQUOT'])

export type DirectoryLock = { release(): void }

/** Creates the directory if it is missing. Throws `conflict` when another process (or this one) holds it. */
export function lockDirectory(directory: string, startedAtMs: number): DirectoryLock {
  const ownerPath = join(directory, 'lock.json')
  const database = openDatabase(directory)
  try {
    database.run('PRAGMA locking_mode = EXCLUSIVE')
    database.run('BEGIN EXCLUSIVE')
  } catch (thrown) {
    database.close()
    if (systemCode(thrown)?.startsWith('SQLITE_BUSY')) throw inUse(directory, readOwner(ownerPath))
    throw unusable(directory, thrown)
  }
  try {
    writeFileSync(ownerPath, JSON.stringify({ process: process.pid, startedAtMs }) + '\n')
  } catch (thrown) {
    // On a full disk the holder goes unnamed: the lock itself needs no room.
    if (!fullCodes.has(systemCode(thrown) ?? '')) {
      database.close()
      throw unusable(directory, thrown)
    }
  }
  return {
    release() {
      rmSync(ownerPath, { force: true })
      database.close()
    },
  }
}

function openDatabase(directory: string): Database {
  try {
    // Records are nobody else's business; a directory that is there keeps the mode its owner gave it.
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return new Database(join(directory, 'lock.db'), { create: true, readwrite: true })
  } catch (thrown) {
    throw unusable(directory, thrown)
  }
}

type Owner = { process: number; startedAtMs: number }

function readOwner(path: string): Owner | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner
  } catch {
    return null // The holder has not written it yet, or is just leaving.
  }
}

function inUse(directory: string, owner: Owner | null): BrokerError {
  const holder = owner
    ? `process ${owner.process} (since ${new Date(owner.startedAtMs).toISOString()})`
    : 'another process'
  return new BrokerError('conflict', `data directory ${directory} is in use by ${holder}`, {
    fix: 'stop that process, or choose another directory with --data-dir',
    details: { directory, process: owner?.process ?? null },
  })
}

function unusable(directory: string, thrown: unknown): BrokerError {
  return new BrokerError(
    'invalid_request',
    `data directory ${directory} cannot be used: ${toError(thrown).message}`,
    {
      fix: 'choose a directory that this user can write, with --data-dir',
      cause: thrown,
    },
  )
}
