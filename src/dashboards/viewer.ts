// One live socket and what it watches.
import type { LiveLimits } from './limits.ts'

/** What the hub needs of a WebSocket. Channel names are topics of the server's own publish and subscribe. */
export interface LiveSocket {
  /** False: it was not taken, because the socket is closed or too far behind. */
  send(text: string): boolean
  subscribe(channel: string): void
  unsubscribe(channel: string): void
  /** Bytes sent and not yet taken by the network. */
  readonly bufferedBytes: number
  close(code: number, reason: string): void
  /** Asked at each subscription, for tokens that may see one widget or dashboard only. Default: everything. */
  mayWatch?(channel: string): boolean
}

export class Viewer {
  readonly socket: LiveSocket
  readonly channels = new Set<string>()
  /** Widgets it asked for that no app declares yet: after a start, pages are back before the apps are. */
  readonly awaited = new Set<string>()
  /** Since when its unsent bytes are above the soft mark; null while they are not. */
  laggingSince: number | null = null
  readonly #limits: LiveLimits
  #tokens: number
  #refilledAt: number

  constructor(socket: LiveSocket, limits: LiveLimits, monotonicMs: number) {
    this.socket = socket
    this.#limits = limits
    this.#tokens = limits.messagesBurstMax
    this.#refilledAt = monotonicMs
  }

  /** Whether it may send one more message now. */
  spend(monotonicMs: number): boolean {
    const { messagesPerSecondMax, messagesBurstMax } = this.#limits
    const earned = ((monotonicMs - this.#refilledAt) / 1000) * messagesPerSecondMax
    this.#tokens = Math.min(messagesBurstMax, this.#tokens + earned)
    this.#refilledAt = monotonicMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  get backlogged(): boolean {
    return this.socket.bufferedBytes > this.#limits.backlogSoftBytes
  }
}
