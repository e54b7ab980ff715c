// The live socket: Bun's own WebSocket wired to the hub. Bun keeps the subscriptions, so one encoded message reaches all
// viewers of a channel without passing through JavaScript again.
//
// The hub watches what each socket has unsent; `socketBacklogBytesMax` stands behind it, should that grow too fast.
import { BrokerError, type Logger, toError } from '#base'
import type { LiveSocket } from '#dashboards'
import type { HttpLimits } from './limits.ts'

/** What the hub does with sockets. */
export interface LiveHubPort {
  /** False: it was turned away, and closed. */
  open(socket: LiveSocket): boolean
  message(socket: LiveSocket, text: string): void | Promise<void>
  /** The network took what was unsent. */
  drained(socket: LiveSocket): void
  closed(socket: LiveSocket): void
  /** Says goodbye to every socket and closes it with 1001. */
  drain(): void
}

/** What Bun keeps for each connection. */
export class SocketSession {
  live: LiveSocket | null = null
  readonly waiting: string[] = []
  working = false
}

type BunSocket = Bun.ServerWebSocket<SocketSession>

export type SocketOptions = {
  readonly hub: LiveHubPort
  readonly limits: HttpLimits
  readonly logger: Logger
  onBroken(error: Error): void
}

const closeCode = {
  goingAway: 1001,
  unsupportedData: 1003,
  policyViolation: 1008,
  internalError: 1011,
} as const

export class LiveSockets {
  readonly #options: SocketOptions
  readonly #open = new Set<BunSocket>()

  constructor(options: SocketOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#open.size
  }

  /** Throws `busy` when there are too many, and refuses what is no WebSocket handshake. */
  checkPlace(request: Request): void {
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
      throw new BrokerError('invalid_request', '/ws speaks WebSocket only', {
        fix: 'open it with a WebSocket client, or use the REST routes that /swagger lists',
      })
    }
    const { socketsMax } = this.#options.limits
    if (this.#open.size < socketsMax) return
    throw new BrokerError('busy', 'too many live connections are open', {
      fix: 'close some, or connect again later',
      details: { socketsMax },
    })
  }

  /** Closes what is left, so that the server can stop. */
  closeAll(): void {
    for (const socket of this.#open) socket.close(closeCode.goingAway, 'the server is stopping')
  }

  handlers(): Bun.WebSocketHandler<SocketSession> {
    const { limits } = this.#options
    return {
      data: new SocketSession(),
      maxPayloadLength: limits.socketMessageSizeBytesMax,
      backpressureLimit: limits.socketBacklogBytesMax,
      closeOnBackpressureLimit: true,
      idleTimeout: limits.idleSecondsMax,
      // Pings keep quiet viewers open and find those that are gone.
      sendPings: true,
      // Compressing for every viewer would cost what publishing saves.
      perMessageDeflate: false,
      open: (socket) => this.#opened(socket),
      message: (socket, message) => this.#received(socket, message),
      drain: (socket) => this.#drained(socket),
      close: (socket) => this.#closed(socket),
    }
  }

  #opened(socket: BunSocket): void {
    this.#open.add(socket)
    const live = adapt(socket)
    socket.data.live = live
    this.#guard(socket, () => this.#options.hub.open(live))
  }

  #drained(socket: BunSocket): void {
    const { live } = socket.data
    if (live !== null) this.#guard(socket, () => this.#options.hub.drained(live))
  }

  #closed(socket: BunSocket): void {
    this.#open.delete(socket)
    socket.data.waiting.length = 0
    const { live } = socket.data
    if (live !== null) this.#guard(socket, () => this.#options.hub.closed(live))
  }

  /** Messages of one socket are worked on one after the other; Bun itself would let them overtake each other. */
  #received(socket: BunSocket, message: string | Uint8Array): void {
    const session = socket.data
    if (typeof message !== 'string') {
      socket.close(closeCode.unsupportedData, 'messages are JSON text')
      return
    }
    if (session.waiting.length >= this.#options.limits.socketMessagesWaitingMax) {
      socket.close(closeCode.policyViolation, 'too many messages at once')
      return
    }
    session.waiting.push(message)
    if (!session.working) void this.#work(socket)
  }

  async #work(socket: BunSocket): Promise<void> {
    const session = socket.data
    session.working = true
    try {
      for (let text = session.waiting.shift(); text !== undefined; text = session.waiting.shift()) {
        const working = this.#options.hub.message(session.live!, text)
        if (working !== undefined) await working
      }
    } catch (thrown) {
      this.#failed(socket, thrown)
    } finally {
      session.working = false
    }
  }

  #guard(socket: BunSocket, action: () => unknown): void {
    try {
      action()
    } catch (thrown) {
      this.#failed(socket, thrown)
    }
  }

  /** The hub answers bad messages itself; what it throws is a bug. */
  #failed(socket: BunSocket, thrown: unknown): void {
    const error = toError(thrown)
    this.#options.logger.error({ err: error }, 'a live connection met a bug')
    this.#options.onBroken(error)
    socket.close(closeCode.internalError, 'the server met a bug')
  }
}

function adapt(socket: BunSocket): LiveSocket {
  return {
    send: (text) => socket.send(text) !== 0,
    subscribe: (channel) => socket.subscribe(channel),
    unsubscribe: (channel) => socket.unsubscribe(channel),
    get bufferedBytes() {
      return socket.getBufferedAmount()
    },
    close: (code, reason) => socket.close(code, reason),
  }
}
