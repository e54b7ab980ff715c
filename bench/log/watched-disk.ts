// A disk that notes what the log does on it besides its write-ahead syncs, so that each append's latency can be told by what
// went on meanwhile.
import type { Disk } from '#base'

export const disturbanceNames = [
  'segment write-back',
  'segment sync',
  'segment roll',
  'removal',
  'checkpoint or file name',
] as const
export type Disturbance = (typeof disturbanceNames)[number]

export class Watch {
  readonly #active = new Map<Disturbance, number>()
  readonly #endedAt = new Map<Disturbance, number>()
  readonly counts = new Map<Disturbance, number>()

  /** Whether it was under way at any time since. */
  overlaps(kind: Disturbance, since: number): boolean {
    return (this.#active.get(kind) ?? 0) > 0 || (this.#endedAt.get(kind) ?? -1) >= since
  }

  async during<T>(kind: Disturbance, work: () => Promise<T>): Promise<T> {
    this.#begin(kind)
    try {
      return await work()
    } finally {
      this.#end(kind)
    }
  }

  now<T>(kind: Disturbance, work: () => T): T {
    this.#begin(kind)
    try {
      return work()
    } finally {
      this.#end(kind)
    }
  }

  #begin(kind: Disturbance): void {
    this.#active.set(kind, (this.#active.get(kind) ?? 0) + 1)
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
  }

  #end(kind: Disturbance): void {
    this.#active.set(kind, this.#active.get(kind)! - 1)
    this.#endedAt.set(kind, performance.now())
  }
}

export function watchedDisk(disk: Disk, watch: Watch): Disk {
  return {
    ...disk,
    open(path, mode) {
      const isNew = mode === 'create' && path.endsWith('.log') && !disk.exists(path)
      const file = isNew ? watch.now('segment roll', () => disk.open(path, mode)) : disk.open(path, mode)
      return {
        ...file,
        writeBack: (range) => watch.during('segment write-back', () => file.writeBack(range)),
        syncBehind: () => watch.during('segment sync', () => file.syncBehind()),
      }
    },
    removeBehind: (path) => watch.during('removal', () => disk.removeBehind(path)),
    syncDirectory: (path) => watch.during('checkpoint or file name', () => disk.syncDirectory(path)),
  }
}
