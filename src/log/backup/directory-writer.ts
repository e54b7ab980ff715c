// Writes files into a new directory so that after a power cut it is either whole or says that it is not: a mark is there
// from the first moment, and goes when everything else is durable.
import { dirname } from 'node:path'
import { BrokerError, type Disk, type DiskFile, systemCode } from '#base'
import type { FileSink } from './file-sink.ts'

/** A file is synced after each such step, so that no sync takes long. */
const syncStepBytes = 4 * 2 ** 20

/** Codes of file systems, or places, where a file cannot have a second name. */
const unlinkableCodes = new Set([
  'EXDEV',
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EMLINK',
  'ENOSYS',
  'EACCES',
  'EINVAL',
])

export type DirectoryWriterOptions = {
  readonly disk: Disk
  readonly root: string
  /** Name of the mark. */
  readonly mark: string
}

export class DirectoryWriter {
  readonly #options: DirectoryWriterOptions
  readonly #directories = new Set<string>()
  #canLink = true

  constructor(options: DirectoryWriterOptions) {
    this.#options = options
  }

  /** Throws `conflict` unless the directory is absent or empty. */
  async begin(): Promise<void> {
    const { disk, root, mark } = this.#options
    refuseUsed(disk, root)
    const made: string[] = []
    for (let path = root; !disk.exists(path); path = dirname(path)) made.push(path)
    disk.makeDirectory(root, 'private')
    for (const path of made) await disk.syncDirectory(dirname(path))
    disk.open(`${root}/${mark}`, 'create').close()
    await disk.syncDirectory(root)
  }

  /** `path` is inside the directory. */
  makeDirectory(path: string): void {
    const { disk, root } = this.#options
    if (this.#directories.has(path)) return
    disk.makeDirectory(`${root}/${path}`, 'private')
    for (let at = path; at !== '.'; at = dirname(at)) this.#directories.add(at)
  }

  /** Gives a durable file a second name here; false where that cannot be. */
  link(from: string, path: string): boolean {
    const { disk, root } = this.#options
    if (!this.#canLink) return false
    this.makeDirectory(dirname(path))
    try {
      disk.link(from, `${root}/${path}`)
      return true
    } catch (thrown) {
      const code = systemCode(thrown)
      if (code === 'ENOENT') return false
      if (!unlinkableCodes.has(code ?? '')) throw thrown
      this.#canLink = code === 'EMLINK'
      return false
    }
  }

  create(path: string): FileSink {
    this.makeDirectory(dirname(path))
    return syncingSink(this.#options.disk.open(`${this.#options.root}/${path}`, 'create', 'private'))
  }

  /** A file that was linked. */
  open(path: string): DiskFile {
    return this.#options.disk.open(`${this.#options.root}/${path}`, 'read')
  }

  /** Makes names durable, then takes the mark away. */
  async finish(): Promise<void> {
    const { disk, root, mark } = this.#options
    for (const path of this.#directories) await disk.syncDirectory(`${root}/${path}`)
    await disk.syncDirectory(root)
    disk.remove(`${root}/${mark}`)
    await disk.syncDirectory(root)
  }

  /** Gives the room back: everything there is ours. The mark goes last. */
  async abandon(): Promise<void> {
    const { disk, root, mark } = this.#options
    for (const name of disk.list(root)) if (name !== mark) await disk.removeBehind(`${root}/${name}`)
    disk.remove(`${root}/${mark}`)
  }
}

function refuseUsed(disk: Disk, root: string): void {
  const refusal = (what: string) =>
    new BrokerError('conflict', `${root} ${what}`, {
      fix: 'name a directory that does not exist yet, or an empty one',
      details: { path: root },
    })
  try {
    if (disk.list(root).length > 0) throw refusal('is not empty')
  } catch (thrown) {
    throw systemCode(thrown) === 'ENOTDIR' ? refusal('is not a directory') : thrown
  }
}

function syncingSink(file: DiskFile): FileSink {
  let position = 0
  let syncedBytes = 0
  return {
    async write(bytes) {
      file.write(bytes, position)
      position += bytes.length
      if (position - syncedBytes < syncStepBytes) return
      await file.syncBehind()
      syncedBytes = position
    },
    async end() {
      await file.syncBehind()
      file.close()
    },
    abandon: () => file.close(),
  }
}
