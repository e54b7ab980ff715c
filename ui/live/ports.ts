// What the live client needs of the outside: passed in, so that its tests own time and the network.

export type SocketPort = {
  send(text: string): void
  close(): void
}

export type SocketEvents = {
  onOpen(): void
  onText(text: string): void
  onClose(): void
}

export type LivePorts = {
  open(events: SocketEvents): SocketPort
  /** Milliseconds UTC that never run backwards. */
  now(): number
  random(): number
  /** Calls once after `ms`; the answer cancels. */
  after(ms: number, call: () => void): () => void
  /** Calls before the next picture is drawn. */
  frame(call: () => void): void
}

/** Where the page's server is, `<base href>` included: `https://host/sub/ws` for a page below `/sub/`. */
export function socketUrl(base: string): string {
  const url = new URL('ws', base)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

/** Browsers cannot set headers on a socket, but they can name sub-protocols: the server looks for a token there. */
export function socketProtocols(token: string | null): string[] {
  return token === null ? ['pspf'] : ['pspf', `pspf.token.${token}`]
}

export type BrowserOptions = {
  readonly base: string
  token(): string | null
  /** The server did not open the socket: browsers do not tell a page why. */
  onRefused(): void
}

export function browserPorts({ base, token, onRefused }: BrowserOptions): LivePorts {
  return {
    open(events) {
      const socket = new WebSocket(socketUrl(base), socketProtocols(token()))
      let opened = false
      socket.onopen = () => {
        opened = true
        events.onOpen()
      }
      socket.onmessage = (message) => {
        if (typeof message.data === 'string') events.onText(message.data)
      }
      socket.onclose = () => {
        if (!opened) onRefused()
        events.onClose()
      }
      return { send: (text) => socket.send(text), close: () => socket.close() }
    },
    now: () => performance.timeOrigin + performance.now(),
    random: () => Math.random(),
    after(ms, call) {
      const timer = setTimeout(call, ms)
      return () => clearTimeout(timer)
    },
    frame: (call) => {
      requestAnimationFrame(call)
    },
  }
}
