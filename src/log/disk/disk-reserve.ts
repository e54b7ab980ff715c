// Keeps the last megabytes of the volume for what must go on when it is full: deletes, trims, positions, checkpoints,
// recovery.
import { BrokerError, formatSize } from '#base'
import type { LogContext } from '../options.ts'

/** The volume is asked again after this much was written, at most. */
const spendBytesMax = 16 * 2 ** 20

export class DiskReserve {
  readonly #context: LogContext
  /** May be written before the volume is asked again. */
  #budgetBytes = 0

  constructor(context: LogContext) {
    this.#context = context
  }

  spend(sizeBytes: number): void {
    this.#budgetBytes -= sizeBytes
  }

  /** A write found no room: whatever was known of it is out of date. */
  forget(): void {
    this.#budgetBytes = 0
  }

  isLow(): boolean {
    if (this.#budgetBytes > 0) return false
    const { disk, directory, diskReserveBytes } = this.#context
    const { freeBytes } = disk.space(directory)
    // What was written so far is in the page cache, but the volume has counted it already; others write too.
    this.#budgetBytes = Math.min((freeBytes - diskReserveBytes) / 4, spendBytesMax)
    return freeBytes <= diskReserveBytes
  }

  /** For an append of records while the volume is low. */
  refusal(): BrokerError {
    const { diskReserveBytes } = this.#context
    const kept = `the last ${formatSize(diskReserveBytes)} are kept in reserve for deletes, positions and recovery`
    return new BrokerError('disk_full', `the disk is full: ${kept}`, {
      fix: 'free some space, or shorten the retention of a topic; appends resume by themselves',
      details: { reserveBytes: diskReserveBytes },
    })
  }
}
