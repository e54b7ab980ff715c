// What a failure of the disk means for the log: room cures it, or only a restart does.
import { BrokerError, systemCode, toError } from '#base'

const curableCodes = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE'])

/** Room, or a descriptor, cures it: the same call may succeed later. Never true of a sync, which must not be repeated. */
export function isCurable(error: Error): boolean {
  return (
    curableCodes.has(systemCode(error) ?? '') || (error instanceof BrokerError && error.code === 'disk_full')
  )
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

export function diskFull(cause: Error | null): BrokerError {
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
    const fix = code.endsWith('FILE') ? 'raise the limit of open files' : 'free some space on its volume'
    return new BrokerError('disk_full', message, { fix, cause: thrown })
  }
  if (refusedCodes.has(code)) {
    const fix = 'choose a directory that this user can write, with --data-dir'
    return new BrokerError('invalid_request', message, { fix, cause: thrown })
  }
  return new BrokerError('disk_failed', message, { fix: 'look at the disk, then start again', cause: thrown })
}
