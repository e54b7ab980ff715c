// What a failure of the disk means for the log: room cures it, or only a restart does.
import { BrokerError, systemCode, toError } from '#base'

const roomCodes = new Set(['ENOSPC', 'EDQUOT'])
const outOfFilesCodes = new Set(['EMFILE', 'ENFILE'])

/** Room, or a descriptor, cures it: the same call may succeed later. Never true of a sync, which must not be repeated. */
export function isCurable(error: Error): boolean {
  return (
    isOutOfFiles(error) ||
    roomCodes.has(systemCode(error) ?? '') ||
    (error instanceof BrokerError && error.code === 'disk_full')
  )
}

/** No descriptor was to be had: the call did nothing, so even that of a sync may be made again. */
export function isOutOfFiles(thrown: unknown): boolean {
  const code = systemCode(thrown instanceof BrokerError ? thrown.cause : thrown)
  return outOfFilesCodes.has(code ?? '')
}

/** `filesMax`: what the process may have open, if that is known. */
export function outOfFiles(cause: unknown, filesMax: number | null): BrokerError {
  const limit = filesMax === null ? '' : ` (${filesMax})`
  const message = `the process is at its limit of open files${limit}, and the log has none that it could close`
  return new BrokerError('busy', message, {
    fix: 'raise the limit: `ulimit -n` in a shell, LimitNOFILE= for a systemd unit; or let clients close connections',
    details: { filesMax },
    cause,
  })
}

/** `atRisk`: appends acknowledged before their sync, as their topics asked, whose sync did not return. */
export function diskFailed(cause: Error, atRisk = 0): BrokerError {
  const kept =
    atRisk === 0
      ? 'everything acknowledged is kept'
      : `what was acknowledged after its sync is kept; ${atRisk} appends to topics with weaker durability may be lost`
  return new BrokerError('disk_failed', `the log stopped after a failed write or sync: ${cause.message}`, {
    fix: `look at the disk, then restart; ${kept}`,
    details: { acknowledgedUnsynced: atRisk },
    cause,
  })
}

/** Why nothing was appended: the disk has no room, or the process no descriptor. */
export function diskFull(cause: Error | null): BrokerError {
  if (isOutOfFiles(cause)) return cause instanceof BrokerError ? cause : outOfFiles(cause, null)
  return new BrokerError('disk_full', 'the disk is full: nothing was appended', {
    fix: 'free some space, or shorten the retention of a topic; appends resume by themselves',
    ...(cause && { cause }),
  })
}

const refusedCodes = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'])

/** A failure to open a log, in words. What has its words already, and our own mistakes, pass as they are. */
export function openFailed(directory: string, thrown: unknown): unknown {
  const code = systemCode(thrown)
  if (thrown instanceof BrokerError || code === undefined) return thrown
  const message = `data directory ${directory} cannot be opened: ${toError(thrown).message}`
  if (isCurable(toError(thrown))) {
    const fix = 'free some space on its volume'
    return new BrokerError('disk_full', message, { fix, cause: thrown })
  }
  if (refusedCodes.has(code)) {
    const fix = 'choose a directory that this user can write, with --data-dir'
    return new BrokerError('invalid_request', message, { fix, cause: thrown })
  }
  return new BrokerError('disk_failed', message, { fix: 'look at the disk, then start again', cause: thrown })
}
