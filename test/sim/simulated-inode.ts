// The bytes of one file on the simulated disk, twice: as a running process sees them, and as a power cut would leave them.

export const blockSizeBytes = 512

/** What a sync has to bring to the disk, taken when it was asked for. */
export type Unsynced = { readonly blocks: ReadonlyMap<number, number>; readonly size: number }

export class SimulatedInode {
  readonly kind = 'file'
  #bytes = new Uint8Array(0)
  #durable = new Uint8Array(0)
  #size = 0
  #durableSize = 0
  #changes = 0
  /** Blocks that differ, with a number that rises with each change. */
  #dirty = new Map<number, number>()
  /** Blocks that differ and that nothing will bring to the disk: a failed sync forgot them, or the disk lied. */
  readonly #lost = new Set<number>()

  get size(): number {
    return this.#size
  }

  get blockCount(): number {
    return Math.ceil(this.#size / blockSizeBytes)
  }

  read(into: Uint8Array, position: number): number {
    const end = Math.min(this.#size, position + into.length)
    if (end <= position) return 0
    into.set(this.#bytes.subarray(position, end))
    return end - position
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length
    if (end > this.#bytes.length)
      this.#bytes = grown(this.#bytes, Math.max(end, this.#bytes.length * 2, 2048))
    this.#bytes.set(bytes, position)
    this.#touch(position, end)
    this.#size = Math.max(this.#size, end)
  }

  truncate(sizeBytes: number): void {
    this.#touch(sizeBytes, this.#size)
    this.#bytes.fill(0, sizeBytes)
    this.#size = sizeBytes
  }

  unsynced(): Unsynced {
    return { blocks: new Map(this.#dirty), size: this.#size }
  }

  settle({ blocks, size }: Unsynced): void {
    if (this.#durable.length < this.#bytes.length) this.#durable = grown(this.#durable, this.#bytes.length)
    for (const [block, change] of blocks) {
      this.#durable.set(this.#block(block), block * blockSizeBytes)
      if (this.#dirty.get(block) === change) this.#dirty.delete(block)
    }
    this.#durableSize = size
  }

  /** As `settle`, but the disk puts one of the blocks somewhere else: answers what it held. null: there is none to lose. */
  settleAllBut({ blocks, size }: Unsynced, choose: (count: number) => number): Uint8Array | null {
    const missed = [...blocks.keys()][choose(Math.max(blocks.size, 1))]
    if (missed === undefined || missed * blockSizeBytes >= this.#size) return null
    this.settle({ blocks: new Map([...blocks].filter(([block]) => block !== missed)), size })
    this.#dirty.delete(missed)
    this.#lost.add(missed)
    return this.#block(missed).slice()
  }

  /** What the disk wrote here was meant for another place. Memory still shows what was here. */
  overwriteOnDisk(block: number, bytes: Uint8Array): void {
    if (this.#durable.length < this.#bytes.length) this.#durable = grown(this.#durable, this.#bytes.length)
    const room = this.#durable.length - block * blockSizeBytes
    this.#durable.set(bytes.subarray(0, room), block * blockSizeBytes)
    this.#lost.add(block)
  }

  /** A sync failed: the pages count as clean from here on. */
  loseDirty(): void {
    for (const block of this.#dirty.keys()) this.#lost.add(block)
    this.#dirty.clear()
  }

  /** Pages that never reached the disk may be dropped from memory at any time: then the disk's content shows. */
  forgetLost(forgets: () => boolean): void {
    for (const block of this.#lost) {
      if (!forgets()) continue
      const start = block * blockSizeBytes
      const old = new Uint8Array(blockSizeBytes)
      old.set(this.#durable.subarray(start, start + blockSizeBytes))
      this.#bytes.set(
        old.subarray(0, Math.max(0, Math.min(blockSizeBytes, this.#bytes.length - start))),
        start,
      )
      this.#lost.delete(block)
    }
  }

  /** Damage at rest, in memory and on the disk. Answers what was there. */
  overwrite(position: number, bytes: Uint8Array): Uint8Array {
    if (this.#durable.length < this.#bytes.length) this.#durable = grown(this.#durable, this.#bytes.length)
    const before = this.#bytes.slice(position, position + bytes.length)
    this.#bytes.set(bytes, position)
    this.#durable.set(bytes, position)
    return before
  }

  /** What a power cut leaves: of everything that was not synced, each block and the size by itself. */
  survivor(survives: () => boolean): SimulatedInode {
    const copy = new SimulatedInode()
    const size = this.#size === this.#durableSize || survives() ? this.#size : this.#durableSize
    const bytes = new Uint8Array(Math.ceil(size / blockSizeBytes) * blockSizeBytes)
    bytes.set(this.#bytes.subarray(0, size))
    for (const block of new Set([...this.#dirty.keys(), ...this.#lost])) {
      const start = block * blockSizeBytes
      if (start >= size || (!this.#lost.has(block) && survives())) continue
      bytes.fill(0, start, start + blockSizeBytes)
      bytes.set(this.#durable.subarray(start, Math.min(start + blockSizeBytes, size)), start)
    }
    copy.#bytes = bytes
    copy.#durable = bytes.slice()
    copy.#size = size
    copy.#durableSize = size
    return copy
  }

  #block(block: number): Uint8Array {
    return this.#bytes.subarray(block * blockSizeBytes, (block + 1) * blockSizeBytes)
  }

  #touch(from: number, end: number): void {
    for (let block = Math.floor(from / blockSizeBytes); block * blockSizeBytes < end; block++) {
      this.#dirty.set(block, ++this.#changes)
      this.#lost.delete(block)
    }
  }
}

function grown(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length)
  larger.set(bytes)
  return larger
}
