// A disk in memory that keeps two images of everything: what a running process sees, and what a power cut leaves. A crash
// keeps a random part of what was not synced: blocks of 512 bytes, sizes and directory entries, each by itself. Calls are
// counted, so that a fault can be placed at any of them.
import type { Disk, DiskFile, Random } from '#base'
import type { SimulatedClock } from './simulated-clock.ts'
import { SimulatedInode, type Unsynced } from './simulated-inode.ts'

export type Fault =
  /** The machine stops before or in the middle of the call (a write happens in part), or right after it. */
  | 'crash-before'
  | 'crash-within'
  | 'crash-after'
  /** The call fails; a write may have happened in part. */
  | 'EIO'
  | 'EAGAIN'
  | 'ENOSPC'
  /** The first sync from this call on takes `stallMs`. */
  | 'stall'
  /** The first sync from this call on puts one block somewhere else on the disk, and says nothing. */
  | 'misdirect'

export const stallMs = 5_000

export type FaultPlan = { readonly call: number; readonly fault: Fault; readonly lasting?: boolean }

export class Crash extends Error {
  override readonly name = 'Crash'
}

type Directory = { kind: 'directory'; entries: Map<string, Node>; durable: Map<string, Node> }
type Node = SimulatedInode | Directory

type OpenFile = {
  readonly inode: SimulatedInode
  readonly path: string
  use<T>(what: string, action: () => T): T
}

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
  /** Calls that touched the disk so far. */
  calls = 0
  crashed = false
  /** What `space` answers; at 0 files cannot grow. */
  freeBytes = 1e12
  /** All files together have no more than this. */
  capacityBytes = Number.POSITIVE_INFINITY
  /** So many files may be open at once. */
  filesMax = Number.POSITIVE_INFINITY
  openFiles = 0
  /** Files that were closed while bytes of them were not synced: nobody would hear that these never got there. */
  readonly closedUnsynced: string[] = []
  /** Blocks that the disk put somewhere else. */
  misdirected = 0
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
      this.#needFile(path)
      const { parent, name } = this.#parentOf(path)
      let node = parent.entries.get(name)
      if (node === undefined) {
        if (mode !== 'create') throw failure('ENOENT', path)
        node = new SimulatedInode()
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
      this.#needFile(path)
      const node = this.#find(path)
      if (node?.kind !== 'directory') throw failure('ENOENT', path)
      if (this.#options.ignoreSyncs || this.#options.ignoreDirectorySyncs) return
      node.durable = new Map(node.entries)
    })
  }

  space(): { freeBytes: number; totalBytes: number } {
    this.#mustLive()
    return { freeBytes: Math.min(this.freeBytes, this.#roomBytes()), totalBytes: 1e12 }
  }

  close(): void {
    this.crashed = true
  }

  /** Turns over one bit of what is stored, in both images. */
  flip(path: string, byte: number, bit: number): void {
    const [held] = this.contents(path, byte, 1)
    this.overwrite(path, byte, new Uint8Array([held! ^ (1 << bit)]))
  }

  /** Damage at rest. Answers what was there, so that it can be put back. */
  overwrite(path: string, position: number, bytes: Uint8Array): Uint8Array {
    return this.#file(path).overwrite(position, bytes)
  }

  /** So much more fits. */
  limitTo(roomBytes: number): void {
    this.capacityBytes = Number.MAX_SAFE_INTEGER
    this.capacityBytes += roomBytes - this.#roomBytes()
  }

  contents(path: string, position = 0, sizeBytes = this.fileSize(path) - position): Uint8Array {
    const bytes = new Uint8Array(sizeBytes)
    return bytes.subarray(0, this.#file(path).read(bytes, position))
  }

  fileSize(path: string): number {
    const node = this.#find(path)
    return node?.kind === 'file' ? node.size : 0
  }

  /** Paths of all files, sorted. */
  files(): string[] {
    return [...this.#walk('', this.#root)].map(([path]) => path).sort()
  }

  *#walk(path: string, directory: Directory): Generator<[path: string, file: SimulatedInode]> {
    for (const [name, node] of directory.entries) {
      if (node.kind === 'file') yield [`${path}/${name}`, node]
      else yield* this.#walk(`${path}/${name}`, node)
    }
  }

  #allFiles(directory = this.#root, into = new Set<SimulatedInode>()): Set<SimulatedInode> {
    for (const node of directory.entries.values()) {
      if (node.kind === 'file') into.add(node)
      else this.#allFiles(node, into)
    }
    return into
  }

  #roomBytes(): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return this.capacityBytes
    let usedBytes = 0
    // A file of several names takes its room once.
    for (const file of this.#allFiles()) usedBytes += file.size
    return this.capacityBytes - usedBytes
  }

  #file(path: string): SimulatedInode {
    const node = this.#find(path)
    if (node?.kind !== 'file') throw failure('ENOENT', path)
    return node
  }

  #handle(path: string, inode: SimulatedInode): DiskFile {
    let open = true
    this.openFiles++
    const use = <T>(what: string, action: () => T): T => {
      if (!open) throw failure('EBADF', path)
      return this.#call(what, action, path)
    }
    return {
      path,
      write: (bytes, position) => this.#write({ inode, path, use }, bytes, position),
      read: (into, position) => use('read', () => inode.read(into, position)),
      readAsync: (into, position) => this.#later(() => use('read', () => inode.read(into, position))),
      sync: () => this.#sync(inode, use),
      syncBehind: () => this.#sync(inode, use),
      writeBack: () => this.#writeBack(inode, use),
      syncNow: () => use('sync', () => this.#settle(inode, inode.unsynced())),
      truncate: (sizeBytes) =>
        use('truncate', () => {
          if (sizeBytes > inode.size) throw failure('EINVAL', 'files do not grow by truncation here')
          inode.truncate(sizeBytes)
        }),
      size: () => use('size', () => inode.size),
      isLinked: () => this.#find(path) === inode || this.#allFiles().has(inode),
      close: () => {
        if (open) this.openFiles--
        if (open && inode.unsynced().blocks.size > 0) this.closedUnsynced.push(path)
        open = false
      },
    }
  }

  #needFile(path: string): void {
    if (this.openFiles >= this.filesMax) throw failure('EMFILE', path)
  }

  #write({ inode, path, use }: OpenFile, bytes: Uint8Array, position: number): void {
    const grows = position + bytes.length > inode.size
    if (this.freeBytes <= 0 && grows) throw failure('ENOSPC', path)
    const fault = this.#faultNow()
    const inPart = (count: number) => inode.write(bytes.subarray(0, count), position)
    if (fault !== null && partly.has(fault)) inPart(this.#options.random.below(bytes.length + 1))
    const room = grows ? inode.size + this.#roomBytes() - position : bytes.length
    use('write', () => {
      // As the system does it: what fits is written, then the rest is refused.
      inPart(Math.max(0, Math.min(room, bytes.length)))
      if (room < bytes.length) throw failure('ENOSPC', path)
    })
  }

  /** What was written before the call is durable when it returns; a failed sync forgets which pages were dirty. */
  async #sync(inode: SimulatedInode, use: OpenFile['use']): Promise<void> {
    this.#mustLive()
    const unsynced = inode.unsynced()
    const stalls = this.#isDue('stall')
    await this.#later(
      () => {
        const fault = this.#faultNow()
        if (fault === 'EIO' || fault === 'EAGAIN') inode.loseDirty()
        const lies = this.#isDue('misdirect')
        use('sync', () => (lies ? this.#settleElsewhere(inode, unsynced) : this.#settle(inode, unsynced)))
      },
      stalls ? stallMs : 0,
    )
  }

  /** Brings nothing to the disk for sure: what a power cut leaves of it is as random as before. */
  async #writeBack(inode: SimulatedInode, use: OpenFile['use']): Promise<void> {
    this.#mustLive()
    await this.#later(() => {
      const fault = this.#faultNow()
      if (fault === 'EIO' || fault === 'EAGAIN') inode.loseDirty()
      use('writeBack', () => undefined)
    })
  }

  #settle(inode: SimulatedInode, unsynced: Unsynced): void {
    if (!this.#options.ignoreSyncs) inode.settle(unsynced)
  }

  /** One block of it goes to another place of this file, of another file, or to none at all. */
  #settleElsewhere(inode: SimulatedInode, unsynced: Unsynced): void {
    const { random } = this.#options
    const below = (count: number) => random.below(count)
    const block = inode.settleAllBut(unsynced, below)
    if (block === null) {
      this.#settle(inode, unsynced)
      return
    }
    this.plan = null
    this.misdirected++
    const all = [...this.#walk('', this.#root)].map(([, file]) => file).filter(({ size }) => size > 0)
    const target = below(3) === 0 ? inode : all[below(all.length)]!
    if (below(3) > 0) target.overwriteOnDisk(below(target.blockCount), block)
  }

  /** Something that takes a while. */
  #later<T>(action: () => T, extraMs = 0): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#options.clock.after(extraMs + 0.05 + this.#options.random.below(1000) / 500, () => {
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

  /** For faults that wait for the next sync. */
  #isDue(fault: Fault): boolean {
    const { plan } = this
    if (plan?.fault !== fault || this.calls + 1 < plan.call) return false
    if (fault === 'stall' && plan.lasting !== true) this.plan = null
    return true
  }

  #call<T>(what: string, action: () => T, path = ''): T {
    this.#mustLive()
    const fault = this.#faultNow()
    this.calls++
    if (fault === 'crash-before' || fault === 'crash-within') this.#crash()
    if ((fault === 'EIO' || fault === 'EAGAIN') && faultable.has(what)) throw failure(fault, path)
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

  #find(path: string, depth = Number.POSITIVE_INFINITY): Node | undefined {
    let node: Node | undefined = this.#root
    const parts = partsOf(path)
    for (let index = 0; index < parts.length && index < depth; index++) {
      if (node?.kind !== 'directory') return undefined
      node = node.entries.get(parts[index]!)
    }
    return node
  }

  #parentOf(path: string): { parent: Directory; name: string } {
    const parts = partsOf(path)
    const parent = this.#find(path, parts.length - 1)
    if (parent?.kind !== 'directory') throw failure('ENOENT', path)
    return { parent, name: parts.at(-1)! }
  }
}

const faultable = new Set([
  'write',
  'sync',
  'writeBack',
  'syncDirectory',
  'open',
  'rename',
  'truncate',
  'makeDirectory',
  'link',
  'read',
])
/** Faults amid which a write happens in part. */
const partly = new Set<Fault>(['crash-within', 'EIO', 'EAGAIN', 'ENOSPC'])
/** A sync that fails is final whatever its code, so a full disk never fails one here. */
const growing = new Set(['write', 'create', 'rename', 'makeDirectory', 'link'])

const partsOfPaths = new Map<string, readonly string[]>()

/** Paths are few and asked for all the time. */
function partsOf(path: string): readonly string[] {
  let parts = partsOfPaths.get(path)
  if (parts === undefined) {
    parts = path.split('/').filter((part) => part !== '')
    partsOfPaths.set(path, parts)
  }
  return parts
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

function forgetLostPages(node: Node, forgets: () => boolean): void {
  if (node.kind === 'file') node.forgetLost(forgets)
  else for (const child of node.entries.values()) forgetLostPages(child, forgets)
}

/** A copy of what reached the disk. Each file is copied once, whatever the number of its names. */
function survivor(node: Node, survives: () => boolean, copies: Map<Node, Node>): Node {
  const known = copies.get(node)
  if (known) return known
  if (node.kind === 'file') {
    const copy = node.survivor(survives)
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
