// Writes a backup as one tar file, under another name until it is whole and durable.
import { dirname } from 'node:path'
import { BrokerError, type Disk, type DiskFile } from '#base'
import type { FileSink } from './file-sink.ts'
import { encodeTarHeader, tarBlockBytes, tarPaddingBytes } from './tar-format.ts'

const partialSuffix = '.incomplete'
const syncStepBytes = 4 * 2 ** 20

export class TarWriter {
  readonly #disk: Disk
  readonly #path: string
  readonly #modifiedMs: number
  #file: DiskFile | null = null
  #position = 0
  #syncedBytes = 0

  constructor(options: { disk: Disk; path: string; modifiedMs: number }) {
    this.#disk = options.disk
    this.#path = options.path
    this.#modifiedMs = options.modifiedMs
  }

  /** Throws `conflict` if the file exists. One that an earlier attempt left unfinished is written over. */
  begin(): void {
    if (this.#disk.exists(this.#path)) {
      throw new BrokerError('conflict', `${this.#path} exists already`, {
        fix: 'name a file that does not exist yet',
        details: { path: this.#path },
      })
    }
    this.#file = this.#disk.open(`${this.#path}${partialSuffix}`, 'create', 'private')
    this.#file.truncate(0)
  }

  async create(path: string, sizeBytes: number): Promise<FileSink> {
    await this.#write(encodeTarHeader(path, sizeBytes, this.#modifiedMs))
    return {
      write: (bytes) => this.#write(bytes),
      end: () => this.#write(new Uint8Array(tarPaddingBytes(sizeBytes))),
      abandon: () => undefined,
    }
  }

  async finish(): Promise<void> {
    await this.#write(new Uint8Array(2 * tarBlockBytes))
    await this.#file?.syncBehind()
    this.#file?.close()
    this.#disk.rename(`${this.#path}${partialSuffix}`, this.#path)
    await this.#disk.syncDirectory(dirname(this.#path))
  }

  async abandon(): Promise<void> {
    this.#file?.close()
    await this.#disk.removeBehind(`${this.#path}${partialSuffix}`)
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const file = this.#file
    if (file === null || bytes.length === 0) return
    file.write(bytes, this.#position)
    this.#position += bytes.length
    if (this.#position - this.#syncedBytes < syncStepBytes) return
    await file.syncBehind()
    this.#syncedBytes = this.#position
  }
}
