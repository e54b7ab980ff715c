// One WebSocket that heals itself: reconnects with jittered back-off and says honestly how old the picture is.
import { type ReadonlySignal, signal } from '@preact/signals'
import type { ClientMessage, ServerMessage } from '../../src/http/contract.ts'
import { decideDelayMs } from './backoff.ts'
import type { LivePorts, SocketPort } from './ports.ts'

/** The server beats every 5 s: two missed, and a little for the road. */
export const staleAfterMs = 11_000
const checkEveryMs = 1_000

export type LinkPhase = 'connecting' | 'live' | 'reconnecting' | 'stale'
/** `since`: when the phase began; for `stale`, when the server was last heard. */
export type LinkStatus = { readonly phase: LinkPhase; readonly since: number }

export type Link = {
  readonly status: ReadonlySignal<LinkStatus>
  /** Dropped when not connected: the owner says everything again in `onOpen`. */
  send(message: ClientMessage): void
  /** Connects at once instead of waiting for the back-off. */
  retry(): void
  stop(): void
}

export type LinkEvents = { onOpen(): void; onMessage(message: ServerMessage): void }

export function createLink(ports: LivePorts, events: LinkEvents): Link {
  const status = signal<LinkStatus>({ phase: 'connecting', since: ports.now() })
  let socket: SocketPort | null = null
  let open = false
  let stopped = false
  let attempt = 0
  let heardAt = ports.now()
  /** When the present socket last showed that it is there: opened, or spoke. */
  let stirredAt = heardAt
  let suggestedMs: number | undefined
  let cancelRetry: (() => void) | null = null

  function setPhase(phase: LinkPhase, since: number): void {
    if (status.peek().phase !== phase) status.value = { phase, since }
  }

  /** Only words make the picture live: a server that opens sockets but says nothing is not well. */
  function hear(): void {
    heardAt = ports.now()
    stirredAt = heardAt
    attempt = 0
    setPhase('live', heardAt)
  }

  function connect(): void {
    cancelRetry?.()
    cancelRetry = null
    if (stopped) return
    // Events of a socket that was given up must not touch its successor.
    const mine = ports.open({
      onOpen() {
        if (socket !== mine) return
        open = true
        stirredAt = ports.now()
        events.onOpen()
      },
      onText(text) {
        if (socket !== mine) return
        hear()
        const message = parse(text)
        if (message?.op === 'bye') suggestedMs = message.reconnectMs
        if (message) events.onMessage(message)
      },
      onClose() {
        if (socket === mine) lose()
      },
    })
    socket = mine
  }

  function lose(): void {
    socket = null
    open = false
    if (stopped) return
    if (status.peek().phase === 'live') setPhase('reconnecting', heardAt)
    cancelRetry = ports.after(decideDelayMs(attempt, ports.random, suggestedMs), connect)
    attempt += 1
    suggestedMs = undefined
  }

  function check(): void {
    if (stopped) return
    ports.after(checkEveryMs, check)
    const now = ports.now()
    if (now - heardAt >= staleAfterMs) setPhase('stale', heardAt)
    // A silent socket is a dead one: proxies drop connections without a word.
    if (now - stirredAt >= staleAfterMs && open && socket) {
      const silent = socket
      lose()
      silent.close()
    }
  }

  connect()
  ports.after(checkEveryMs, check)
  return {
    status,
    send(message) {
      if (open) socket?.send(JSON.stringify(message))
    },
    retry() {
      if (cancelRetry) connect()
    },
    stop() {
      stopped = true
      cancelRetry?.()
      socket?.close()
    },
  }
}

function parse(text: string): ServerMessage | null {
  try {
    const message: unknown = JSON.parse(text)
    return typeof message === 'object' && message !== null && 'op' in message
      ? (message as ServerMessage)
      : null
  } catch {
    return null // Not ours (a proxy's page, half a frame): the next heartbeat decides whether the link is good.
  }
}
