// A file of zeroes that is given up when not even the reserve is left, because others have filled the disk to its last
// byte: what it gives back lets a start write its checkpoint, and a deletion its frame, which then make more room. It is
// made again behind a checkpoint, once there is room to spare.
import { type Disk, type Logger, toError } from '#base'
import { isOutOfFiles } from './disk-errors.ts'

const stepBytes = 2 ** 20

export type BallastOptions = {
  readonly disk: Disk
  readonly logger: Logger
  readonly path: string
  readonly sizeBytes: number
}

export class Ballast {
  readonly #options: BallastOptions
  #isWhole = false
  /** The disk refused it for another reason than room. */
  #isHopeless = false

  constructor(options: BallastOptions) {
    this.#options = options
  }

  /** Gives its room back; false if it has none to give. */
  giveUp(): boolean {
    const { disk, path, logger } = this.#options
    this.#isWhole = false
    if (!disk.exists(path)) return false
    disk.remove(path)
    logger.warn({ path }, 'the disk is full: the ballast is given up')
    return true
  }

  /** Makes it if it is not there and leaves as much again. */
  async maybeFill(): Promise<void> {
    const { disk, path, sizeBytes, logger } = this.#options
    if (this.#isWhole || this.#isHopeless) return
    if (disk.space(path.slice(0, path.lastIndexOf('/'))).freeBytes < 2 * sizeBytes) return
    try {
      await this.#fill()
      this.#isWhole = true
    } catch (thrown) {
      // Nothing depends on it until the disk is full.
      this.#isHopeless = !isOutOfFiles(thrown)
      logger.warn({ err: toError(thrown), path }, 'there is no ballast for a full disk')
    }
  }

  async #fill(): Promise<void> {
    const { disk, path, sizeBytes } = this.#options
    const file = disk.open(path, 'create')
    try {
      const zeroes = new Uint8Array(Math.min(stepBytes, sizeBytes))
      for (let at = file.size(); at < sizeBytes; at += zeroes.length) {
        file.write(zeroes.subarray(0, Math.min(zeroes.length, sizeBytes - at)), at)
        await file.syncBehind()
      }
    } finally {
      file.close()
    }
  }
}
