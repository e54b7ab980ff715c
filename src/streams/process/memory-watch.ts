// Notices that a process has more memory than it may. It asks the kernel and not the process, which may be too busy taking
// memory to answer; what the process says of itself counts where the kernel says nothing.
import { type Clock, formatSize, type Timer } from '#base'

export type MemoryWatchOptions = {
  readonly clock: Clock
  readonly everyMs: number
  /** null: no limit. Asked each time, since an app says its own once its file is loaded. */
  readonly bytesMax: () => number | null
  /** null: cannot be told. */
  readonly memoryBytes: () => number | null
  /** Called once, with the reason in words. */
  readonly onExceeded: (why: string) => void
}

export class MemoryWatch {
  readonly #options: MemoryWatchOptions
  #timer: Timer | null = null
  #over = false

  constructor(options: MemoryWatchOptions) {
    this.#options = options
    this.#look()
  }

  /** Also for what the process says of itself. */
  judge(memoryBytes: number): void {
    const bytesMax = this.#options.bytesMax()
    if (this.#over || bytesMax === null || memoryBytes <= bytesMax) return
    this.cancel()
    this.#options.onExceeded(
      `the app used ${formatSize(memoryBytes)} of memory, its limit is ${formatSize(bytesMax)}`,
    )
  }

  cancel(): void {
    this.#over = true
    this.#timer?.cancel()
  }

  #look(): void {
    const { clock, everyMs, memoryBytes } = this.#options
    this.#timer = clock.after(everyMs, () => {
      const bytes = memoryBytes()
      if (bytes !== null) this.judge(bytes)
      if (!this.#over) this.#look()
    })
  }
}
