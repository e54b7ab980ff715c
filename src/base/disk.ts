// The disk, passed in. Everything that touches files above `base` goes through this interface, so that a simulated
// disk can lose, tear and refuse writes. Calls are synchronous unless they can hold the thread: page-cache writes take
// microseconds, a sync takes milliseconds and therefore runs on a thread of its own.
import type { FileRange } from './write-back.ts'

export interface DiskFile {
  readonly path: string
  /** Writes all bytes at `position` into the page cache. Goes on after EINTR and short writes; throws the system's error. */
  write(bytes: Uint8Array, position: number): void
  /** Reads up to `into.length` bytes; answers how many (0 at the end). For recovery, tools and small warm reads. */
  read(into: Uint8Array, position: number): number
  /** As `read`, without holding the thread. */
  readAsync(into: Uint8Array, position: number): Promise<number>
  /** fdatasync on the sync thread. After a rejection the file must not be synced again (Linux drops the dirty pages). */
  sync(): Promise<void>
  /** As `sync`, on the background thread, so that what nobody waits for never delays an acknowledgement. */
  syncBehind(): Promise<void>
  /**
   * Brings a part to the device, on the background thread: it makes nothing durable, but the next sync short. A rejection
   * counts as that of a sync.
   */
  writeBack(range: FileRange): Promise<void>
  /** fdatasync on this thread: only at start and stop. */
  syncNow(): void
  truncate(sizeBytes: number): void
  size(): number
  /** Whether it still has a name: what is written to a file that somebody deleted is nowhere, and no call would say so. */
  isLinked(): boolean
  close(): void
}

export interface Disk {
  /** How many files the process may have open at once; null if nobody knows. */
  readonly filesMax: number | null
  /**
   * `read`: must exist. `write`: read and write, must exist. `create`: read and write, made if missing, and with
   * `private` for nobody else's eyes.
   */
  open(path: string, mode: 'read' | 'write' | 'create', access?: 'private'): DiskFile
  exists(path: string): boolean
  /** Names (not paths) in a directory, sorted. An absent directory has none; a file throws `ENOTDIR`. */
  list(directory: string): string[]
  /** Creates a directory and its parents, with `private` for nobody else's eyes; syncs nothing. */
  makeDirectory(path: string, access?: 'private'): void
  rename(from: string, to: string): void
  /** Gives a file a second name. Throws the system's error where the file system cannot: see `cannotLink`. */
  link(from: string, to: string): void
  /** Removes a file or a whole directory; absent is fine. */
  remove(path: string): void
  /** As `remove`, on a thread for removals: giving back the blocks of one large file takes tens of milliseconds. */
  removeBehind(path: string): Promise<void>
  /** Makes creates, renames and removes in this directory durable; on the background thread. */
  syncDirectory(path: string): Promise<void>
  /** As `syncDirectory`, on this thread: only at start and stop. */
  syncDirectoryNow(path: string): void
  /** Bytes that this user can still write on the volume of `path`, and the volume's size. */
  space(path: string): { freeBytes: number; totalBytes: number }
  /** Ends the sync threads. Open files stay usable for reads. */
  close(): void
}
