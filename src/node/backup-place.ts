// Where a backup may go, and what a failure of that place is called.
import { realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { BrokerError, systemCode, toError } from '#base'

/** Answers the path. Throws `invalid_request` unless it is absolute and outside the data directory. */
export function checkBackupPlace(path: string, dataDirectory: string): string {
  if (!isAbsolute(path) || path.includes('\0')) {
    throw new BrokerError('invalid_request', `"${path}" is not an absolute path`, {
      fix: "name a path on the node's machine from its root, for example /var/backups/pspf-1",
    })
  }
  const place = resolve(path)
  const below = relative(realPath(dataDirectory), realPath(place))
  if (below === '' || (!below.startsWith('..') && !isAbsolute(below))) {
    throw new BrokerError('invalid_request', `${place} lies in the data directory`, {
      fix: 'name a place outside it, best on another disk',
      details: { path: place },
    })
  }
  return place
}

/** Symbolic links resolved as far as the path exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (thrown) {
    const parent = dirname(path)
    if (systemCode(thrown) !== 'ENOENT' || parent === path) return path
    return join(realPath(parent), basename(path))
  }
}

const refusedCodes = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOTDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'EISDIR',
  'ENOENT',
])

/** A failure of the disk while a backup is written or read, in words. What has its words already passes as it is. */
export function placeFailed(path: string, thrown: unknown): Error {
  const error = toError(thrown)
  const code = systemCode(thrown)
  if (thrown instanceof BrokerError || code === undefined) return error
  const message = `${path} cannot be used: ${error.message}`
  const cause = { cause: thrown, details: { path } }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new BrokerError('disk_full', message, {
      fix: 'free some space there, or name another disk',
      ...cause,
    })
  }
  if (refusedCodes.has(code)) {
    return new BrokerError('invalid_request', message, {
      fix: 'name a place that this user can write',
      ...cause,
    })
  }
  return new BrokerError('disk_failed', message, { fix: 'look at that disk, then try again', ...cause })
}
