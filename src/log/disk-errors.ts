// What a failure of the disk means for the log: room cures it, or only a restart does.
import { BrokerError, systemCode } from '#base'

const curableCodes = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE'])

/** Room, or a descriptor, cures it: the same call may succeed later. Never true of a sync, which must not be repeated. */
export function isCurable(error: Error): boolean {
  return (
    curableCodes.has(systemCode(error) ?? '') || (error instanceof BrokerError && error.code === 'disk_full')
  )
}

export function diskFailed(cause: Error): BrokerError {
  return new BrokerError('disk_failed', `the log stopped after a failed write or sync: ${cause.message}`, {
    fix: 'look at the disk, then restart; everything acknowledged is kept',
    cause,
  })
}

export function diskFull(cause: Error | null): BrokerError {
  return new BrokerError('disk_full', 'the disk is full: nothing was appended', {
    fix: 'free some space, or shorten the retention of a topic; appends resume by themselves',
    ...(cause && { cause }),
  })
}
