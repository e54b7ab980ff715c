// A list that is sent whole whenever it changed (topics, apps, dashboards): looked at every so often, and when told to.
import type { Clock, Timer } from '#base'
import type { ChannelSource, SourceEvents } from './channel-source.ts'
import type { ChannelData } from './live.ts'

export type ListSourceOptions = {
  readonly clock: Clock
  /** Differs after a restart, since the sequence starts over. */
  readonly epoch: string
  /** For what changes by itself, such as rates. */
  readonly everyMs: number
  read(): ChannelData
  /** Calls the listener on a change; answers how to stop. */
  onChange?(listener: () => void): () => void
}

export class ListSource implements ChannelSource {
  readonly epoch: string
  readonly generation = 1
  readonly #options: ListSourceOptions
  #data: ChannelData
  #text: string
  #seq = 1
  #taken = 1
  #timer: Timer | null = null
  #unlisten: (() => void) | null = null

  constructor(options: ListSourceOptions) {
    this.#options = options
    this.epoch = options.epoch
    this.#data = options.read()
    this.#text = JSON.stringify(this.#data)
  }

  get seq(): number {
    return this.#seq
  }

  start(events: SourceEvents): void {
    const { clock, everyMs, onChange } = this.#options
    const look = () => {
      if (this.#look()) events.changed()
    }
    const again = () => {
      this.#timer = clock.after(everyMs, () => {
        look()
        again()
      })
    }
    this.#unlisten = onChange?.(look) ?? null
    again()
    events.changed()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#unlisten?.()
  }

  snapshot(): ChannelData {
    return this.#data
  }

  takeDelta(): ChannelData | null {
    if (this.#taken === this.#seq) return null
    this.#taken = this.#seq
    return this.#data
  }

  #look(): boolean {
    const data = this.#options.read()
    const text = JSON.stringify(data)
    if (text === this.#text) return false
    this.#data = data
    this.#text = text
    this.#seq++
    return true
  }
}
