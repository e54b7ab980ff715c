// The frames that one sync makes durable, in the order in which they were written, and the appends in them.
import { asMillis } from '#base'
import type { ProducerMoment } from '../partition/producer-time.ts'
import type { WalPosition } from '../wal/wal.ts'
import type { PendingAppend } from './append.ts'

/** Behind a frame: what comes after it, and when it was appended. */
export type FrameEnd = ProducerMoment & { readonly wal: WalPosition }

export class SyncRound {
  readonly appends: PendingAppend[] = []
  frames = 0
  sizeBytes = 0
  /** Behind its last frame. */
  end: FrameEnd
  /** false: nothing but a mark. */
  hasEntries = false
  /** The sync begins as soon as it can. */
  isDue = false
  /** Or else by then, on the monotonic clock. */
  dueMs = Number.POSITIVE_INFINITY
  /** Appends that were acknowledged before the sync. */
  acknowledgedCount = 0
  /** Its sync returned. */
  isDurable = false
  /** Everything in it is in its segments, and nothing else will join it. */
  isSealed = false
  /** Resolves when the sync has returned: true when all of it is durable. */
  returned: Promise<boolean> | null = null

  constructor(end: FrameEnd) {
    this.end = end
  }

  addFrame(end: FrameEnd, sizeBytes: number): void {
    this.end = end
    this.frames++
    this.sizeBytes += sizeBytes
  }

  /** An append in the newest frame, or one that repeats what was written before. */
  add(append: PendingAppend): void {
    const { wal, appendTime } = this.end
    this.appends.push(append)
    append.appended = {
      offsets: append.offsets,
      appendTime: asMillis(appendTime),
      frame: wal.sequence - 1,
    }
    if (append.acknowledge === 'synced') {
      this.isDue = true
      return
    }
    this.acknowledgedCount++
    append.resolve(append.appended)
  }
}
