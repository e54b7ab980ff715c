// The batches of one partition in the frame that is being written: places in the frame's buffer, in columns that are
// reused from frame to frame, so that staging a batch allocates nothing.

export class StagedBatches {
  readonly positions: number[] = []
  readonly sizes: number[] = []
  readonly baseOffsets: number[] = []
  readonly lastOffsets: number[] = []
  readonly maxTimestamps: number[] = []
  /** Whether the batch begins a new segment. */
  readonly begins: boolean[] = []
  /** Batches before this one are in their segment already. */
  writtenCount = 0

  get count(): number {
    return this.positions.length
  }

  clear(): void {
    this.positions.length = 0
    this.sizes.length = 0
    this.baseOffsets.length = 0
    this.lastOffsets.length = 0
    this.maxTimestamps.length = 0
    this.begins.length = 0
    this.writtenCount = 0
  }
}
