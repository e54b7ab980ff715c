// What stands behind a channel: something that can be shown as a whole and as changes, in one sequence.
import type { BrokerError } from '#base'
import type { ChannelData } from './live.ts'

export type SourceEvents = {
  /** There is something new to take, or a new generation. May be called as often as one likes. */
  changed(): void
  /** It cannot be read at the moment. The source goes on trying. */
  failed(error: BrokerError): void
}

export interface ChannelSource {
  start(events: SourceEvents): void
  stop(): void
  /** Names the history that `seq` counts in; null until the first snapshot can be given. */
  readonly epoch: string | null
  /** Rises with every change. Within an epoch it is never lower than any that was ever given out, restarts included. */
  readonly seq: number
  /** Rises when the view was built anew, so that no delta leads from what was shown to what is. */
  readonly generation: number
  snapshot(): ChannelData
  /** What changed since the last take; null if nothing. */
  takeDelta(): ChannelData | null
}
