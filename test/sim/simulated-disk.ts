// A disk in memory that keeps two images of everything: what a running process sees, and what a power cut leaves. A crash
// keeps a random part of what was not synced: blocks of 512 bytes, sizes and directory entries, each by itself. Calls are
// counted, so that a fault can be placed at any of them.
import type { Disk, DiskFile, Random } from '#base'
import type { SimulatedClock } from './simulated-clock.ts'

export const blockSizeBytes = 512

export type Fault =
  /** The machine stops before or in the middle of the call (a write happens in part), or right after it. */
  'crash-before' | 'crash-within' | 'crash-after' | 'EIO' | 'ENOSPC'

export type FaultPlan = { readonly call: number; readonly fault: Fault; readonly lasting?: boolean }

export class Crash extends Error {
  override readonly name = 'Crash'
}

type Inode = {
  kind: 'file'
  bytes: Uint8Array
  size: number
  durableBytes: Uint8Array
  durableSize: number
  /** Blocks that differ, with a number that rises with each change. */
  dirty: Map<number, number>
  /** Blocks that a failed sync forgot: still seen, but nothing will bring them to the disk. */
  lost: Set<number>
  sizeDirty: boolean
}
type Directory = { kind: 'directory'; entries: Map<string, Node>; durable: Map<string, Node> }
type Node = Inode | Directory

export type SimulatedDiskOptions = {
  readonly clock: SimulatedClock
  readonly random: Random
  readonly plan?: FaultPlan | null
  /** The mutant: syncs return and do nothing. */
  readonly ignoreSyncs?: boolean
  readonly ignoreDirectorySyncs?: boolean
  /** As a file system without second names. */
  readonly cannotLink?: boolean
  readonly root?: Directory
}

export class SimulatedDisk implements Disk {
  readonly #options: SimulatedDiskOptions
  readonly #root: Directory
  #changes = 0
  /** Calls that touched the disk so far. */
  calls = 0
  crashed = false
  /** What `space` answers; at 0 files cannot grow. */
  freeBytes = 1e12
  plan: FaultPlan | null

  constructor(options: SimulatedDiskOptions) {
    this.#options = options
    this.#root = options.root ?? { kind: 'directory', entries: new Map(), durable: new Map() }
    this.plan = options.plan ?? null
  }

  /** The same disk after power came back. `keep`: how likely each unsynced change has reached it, 0 to 1. */
  afterCrash(keep: number, options: SimulatedDiskOptions): SimulatedDisk {
    const { random } = options
    const survives = () => random.below(1_000_000) < keep * 1_000_000
    return new SimulatedDisk({ ...options, root: survivor(this.#root, survives, new Map()) as Directory })
  }

  /** The same disk for a process that starts after another one ended: nothing is lost. */
  reopened(options: SimulatedDiskOptions): SimulatedDisk {
    forgetLostPages(this.#root, () => options.random.below(2) === 0)
    return new SimulatedDisk({ ...options, root: this.#root })
  }

  open(path: string, mode: 'read' | 'write' | 'create'): DiskFile {
    const what = mode === 'create' && this.#find(path) === undefined ? 'create' : 'open'
    return this.#call(what, () => {
      const { parent, name } = this.#parentOf(path)
      let node = parent.entries.get(name)
      if (node === undefined) {
        if (mode !== 'create') throw failure('ENOENT', path)
        node = emptyFile()
        parent.entries.set(name, node)
      }
      if (node.kind !== 'file') throw failure('EISDIR', path)
      return this.#handle(path, node)
    })
  }

  exists(path: string): boolean {
    this.#mustLive()
    return this.#find(path) !== undefined
  }

  list(directory: string): string[] {
    this.#mustLive()
    const node = this.#find(directory)
    if (node?.kind === 'file') throw failure('ENOTDIR', directory)
    return node === undefined ? [] : [...node.entries.keys()].sort()
  }

  makeDirectory(path: string): void {
    this.#call('makeDirectory', () => {
      let at = this.#root
      for (const part of partsOf(path)) {
        let next = at.entries.get(part)
        if (next === undefined) {
          next = { kind: 'directory', entries: new Map(), durable: new Map() }
          at.entries.set(part, next)
        }
        if (next.kind !== 'directory') throw failure('ENOTDIR', path)
        at = next
      }
    })
  }

  rename(from: string, to: string): void {
    this.#call('rename', () => {
      const source = this.#parentOf(from)
      const target = this.#parentOf(to)
      const node = source.parent.entries.get(source.name)
      if (node === undefined) throw failure('ENOENT', from)
      const present = target.parent.entries.get(target.name)
      if (present?.kind === 'directory' && present.entries.size > 0) throw failure('ENOTEMPTY', to)
      source.parent.entries.delete(source.name)
      target.parent.entries.set(target.name, node)
    })
  }

  link(from: string, to: string): void {
    this.#call('link', () => {
      const node = this.#find(from)
      const { parent, name } = this.#parentOf(to)
      if (node?.kind !== 'file') throw failure('ENOENT', from)
      if (this.#options.cannotLink) throw failure('EPERM', to)
      if (parent.entries.has(name)) throw failure('EEXIST', to)
      parent.entries.set(name, node)
    })
  }

  remove(path: string): void {
    this.#call('remove', () => {
      const { parent, name } = this.#parentOf(path)
      parent.entries.delete(name)
    })
  }

  removeBehind(path: string): Promise<void> {
    return this.#later(() => this.remove(path))
  }

  syncDirectory(path: string): Promise<void> {
    this.#mustLive()
    return this.#later(() => this.syncDirectoryNow(path))
  }

  syncDirectoryNow(path: string): void {
    this.#call('syncDirectory', () => {
      const node = this.#find(path)
      if (node?.kind !== 'directory') throw failure('ENOENT', path)
      if (this.#options.ignoreSyncs || this.#options.ignoreDirectorySyncs) return
      node.durable = new Map(node.entries)
    })
  }

  space(): { freeBytes: number; totalBytes: number } {
    this.#mustLive()
    return { freeBytes: this.freeBytes, totalBytes: 1e12 }
  }

  close(): void {
    this.crashed = true
  }

  /** Turns over one bit of what is stored, in both images. */
  flip(path: string, byte: number, bit: number): void {
    const node = this.#find(path)
    if (node?.kind !== 'file') throw failure('ENOENT', path)
    node.bytes[byte]! ^= 1 << bit
    node.durableBytes[byte]! ^= 1 << bit
  }

  fileSize(path: string): number {
    const node = this.#find(path)
    return node?.kind === 'file' ? node.size : 0
  }

  #handle(path: string, inode: Inode): DiskFile {
    let open = true
    const use = <T>(what: string, action: () => T): T => {
      if (!open) throw failure('EBADF', path)
      return this.#call(what, action, path)
    }
    return {
      path,
      write: (bytes, position) => {
        const write = (count: number) => this.#write(inode, bytes.subarray(0, count), position)
        if (this.freeBytes <= 0 && position + bytes.length > inode.size) throw failure('ENOSPC', path)
        if (this.#faultNow() === 'crash-within') write(this.#options.random.below(bytes.length + 1))
        use('write', () => write(bytes.length))
      },
      read: (into, position) =>
        use('read', () => {
          const end = Math.min(inode.size, position + into.length)
          if (end <= position) return 0
          into.set(inode.bytes.subarray(position, end))
          return end - position
        }),
      readAsync: (into, position) =>
        this.#later(() =>
          use('read', () => {
            const end = Math.min(inode.size, position + into.length)
            if (end <= position) return 0
            into.set(inode.bytes.subarray(position, end))
            return end - position
          }),
        ),
      sync: () => this.#sync(inode, use),
      syncBehind: () => this.#sync(inode, use),
      syncNow: () => use('sync', () => this.#settle(inode, new Map(inode.dirty), inode.size)),
      truncate: (sizeBytes) => use('truncate', () => this.#truncate(inode, sizeBytes)),
      size: () => use('size', () => inode.size),
      close: () => {
        open = false
      },
    }
  }

  #write(inode: Inode, bytes: Uint8Array, position: number): void {
    const end = position + bytes.length
    if (end > inode.bytes.length) {
      const larger = new Uint8Array(Math.max(end, inode.bytes.length * 2, 4 * blockSizeBytes))
      larger.set(inode.bytes)
      inode.bytes = larger
    }
    inode.bytes.set(bytes, position)
    for (let block = Math.floor(position / blockSizeBytes); block * blockSizeBytes < end; block++) {
      inode.dirty.set(block, ++this.#changes)
      inode.lost.delete(block)
    }
    if (end > inode.size) {
      inode.size = end
      inode.sizeDirty = true
    }
  }

  #truncate(inode: Inode, sizeBytes: number): void {
    if (sizeBytes > inode.size) throw failure('EINVAL', 'files do not grow by truncation here')
    const from = Math.floor(sizeBytes / blockSizeBytes)
    for (let block = from; block * blockSizeBytes < inode.size; block++)
      inode.dirty.set(block, ++this.#changes)
    inode.bytes.fill(0, sizeBytes)
    inode.sizeDirty ||= inode.size !== sizeBytes
    inode.size = sizeBytes
  }

  /** What was written before the call is durable when it returns; a failed sync forgets which pages were dirty. */
  async #sync(inode: Inode, use: <T>(what: string, action: () => T) => T): Promise<void> {
    this.#mustLive()
    const dirty = new Map(inode.dirty)
    const { size } = inode
    await this.#later(() => {
      if (this.#faultNow() === 'EIO') {
        for (const block of inode.dirty.keys()) inode.lost.add(block)
        inode.dirty.clear()
      }
      use('sync', () => this.#settle(inode, dirty, size))
    })
  }

  #settle(inode: Inode, dirty: Map<number, number>, size: number): void {
    if (this.#options.ignoreSyncs) return
    if (inode.durableBytes.length < inode.bytes.length) {
      const larger = new Uint8Array(inode.bytes.length)
      larger.set(inode.durableBytes)
      inode.durableBytes = larger
    }
    for (const [block, change] of dirty) {
      const start = block * blockSizeBytes
      inode.durableBytes.set(inode.bytes.subarray(start, start + blockSizeBytes), start)
      if (inode.dirty.get(block) === change) inode.dirty.delete(block)
    }
    inode.durableSize = size
    inode.sizeDirty = inode.size !== size
  }

  /** Something that takes a while. */
  #later<T>(action: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#options.clock.after(0.05 + this.#options.random.below(1000) / 500, () => {
        if (this.crashed) return
        try {
          resolve(action())
        } catch (thrown) {
          // After a crash nobody is there to be told.
          if (!(thrown instanceof Crash)) reject(thrown)
        }
      })
    })
  }

  #faultNow(): Fault | null {
    const { plan } = this
    if (plan === null) return null
    const now = this.calls + 1 === plan.call || (plan.lasting === true && this.calls + 1 >= plan.call)
    return now ? plan.fault : null
  }

  #call<T>(what: string, action: () => T, path = ''): T {
    this.#mustLive()
    const fault = this.#faultNow()
    this.calls++
    if (fault === 'crash-before' || fault === 'crash-within') this.#crash()
    if (fault === 'EIO' && faultable.has(what)) throw failure('EIO', path)
    if (fault === 'ENOSPC' && growing.has(what)) throw failure('ENOSPC', path)
    const result = action()
    if (fault === 'crash-after') this.#crash()
    return result
  }

  #crash(): never {
    this.crashed = true
    throw new Crash('the machine stopped')
  }

  #mustLive(): void {
    if (this.crashed) throw new Crash('the machine is off')
  }

  #find(path: string): Node | undefined {
    let node: Node = this.#root
    for (const part of partsOf(path)) {
      if (node.kind !== 'directory') return undefined
      const next = node.entries.get(part)
      if (next === undefined) return undefined
      node = next
    }
    return node
  }

  #parentOf(path: string): { parent: Directory; name: string } {
    const parts = partsOf(path)
    const name = parts.pop()!
    const parent = this.#find(parts.join('/'))
    if (parent?.kind !== 'directory') throw failure('ENOENT', path)
    return { parent, name }
  }
}

const faultable = new Set([
  'write',
  'sync',
  'syncDirectory',
  'open',
  'rename',
  'truncate',
  'makeDirectory',
  'link',
  'read',
])
/** A sync that fails is final whatever its code, so a full disk never fails one here. */
const growing = new Set(['write', 'create', 'rename', 'makeDirectory', 'link'])

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '')
}

function emptyFile(): Inode {
  return {
    kind: 'file',
    bytes: new Uint8Array(0),
    size: 0,
    durableBytes: new Uint8Array(0),
    durableSize: 0,
    dirty: new Map(),
    lost: new Set(),
    sizeDirty: false,
  }
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

/** Pages that a failed sync gave up may be dropped from memory at any time: then the old content shows again. */
function forgetLostPages(node: Node, forgets: () => boolean): void {
  if (node.kind === 'directory') {
    for (const child of node.entries.values()) forgetLostPages(child, forgets)
    return
  }
  for (const block of node.lost) {
    if (!forgets()) continue
    const start = block * blockSizeBytes
    const old = new Uint8Array(blockSizeBytes)
    old.set(node.durableBytes.subarray(start, start + blockSizeBytes))
    node.bytes.set(old.subarray(0, Math.min(blockSizeBytes, node.bytes.length - start)), start)
    node.lost.delete(block)
  }
}

/** A copy of what reached the disk. Each file is copied once, whatever the number of its names. */
function survivor(node: Node, survives: () => boolean, copies: Map<Node, Node>): Node {
  const known = copies.get(node)
  if (known) return known
  if (node.kind === 'file') {
    const copy = survivingFile(node, survives)
    copies.set(node, copy)
    return copy
  }
  const copy: Directory = { kind: 'directory', entries: new Map(), durable: new Map() }
  copies.set(node, copy)
  for (const name of new Set([...node.entries.keys(), ...node.durable.keys()])) {
    const before = node.durable.get(name)
    const after = node.entries.get(name)
    const kept = before === after || survives() ? after : before
    if (kept === undefined) continue
    const child = survivor(kept, survives, copies)
    copy.entries.set(name, child)
    copy.durable.set(name, child)
  }
  return copy
}

function survivingFile(file: Inode, survives: () => boolean): Inode {
  const size = !file.sizeDirty || survives() ? file.size : file.durableSize
  const bytes = new Uint8Array(Math.ceil(size / blockSizeBytes) * blockSizeBytes)
  for (let start = 0; start < size; start += blockSizeBytes) {
    const block = start / blockSizeBytes
    const fresh = !file.lost.has(block) && (!file.dirty.has(block) || survives())
    const source = fresh ? file.bytes : file.durableBytes
    bytes.set(source.subarray(start, Math.min(start + blockSizeBytes, size)), start)
  }
  return {
    kind: 'file',
    bytes,
    size,
    durableBytes: bytes.slice(),
    durableSize: size,
    dirty: new Map(),
    lost: new Set(),
    sizeDirty: false,
  }
}
