import { describe, expect, test } from 'bun:test'
import { hashToken } from '#http'
import { type Harness, problemOf, sendRaw, startHarness } from './harness.ts'

type Client = { socket: WebSocket; texts: string[]; closed: Promise<{ code: number; reason: string }> }

/** Resolves when the socket is open, or has failed to open. */
async function connect(h: Harness, options: { protocols?: string[]; headers?: Record<string, string> } = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${h.server.port}/ws`, options as never)
  const texts: string[] = []
  const opened = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<{ code: number; reason: string }>()
  socket.onmessage = (event) => texts.push(String(event.data))
  socket.onopen = () => opened.resolve()
  socket.onclose = ({ code, reason }) => {
    opened.resolve()
    closed.resolve({ code, reason })
  }
  await opened.promise
  return { socket, texts, closed: closed.promise } satisfies Client
}

const handshake = (headers: string) =>
  `GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`

const headOf = (text: string) => text.slice(0, text.indexOf('\r\n\r\n'))
const askRaw = (h: Harness, headers: string) =>
  sendRaw(h.server.port, [handshake(headers)], (received) => received.includes('\r\n\r\n'))

describe('messages', () => {
  test('reach the hub in order, and what it publishes reaches every subscriber', async () => {
    await using h = await startHarness()
    const clients = await Promise.all([connect(h), connect(h), connect(h)])
    for (const { socket } of clients.slice(0, 2)) socket.send('sub topics')
    await until(() => clients.slice(0, 2).every(({ texts }) => texts.length === 1))
    h.server.publish('topics', 'news')
    await until(() => clients.slice(0, 2).every(({ texts }) => texts.includes('news')))
    expect(clients[2]!.texts).toEqual([])
    expect(h.server.sockets).toBe(3)
    expect(h.metrics.text()).toContain('pspf_ws_connections 3')
    clients[0]!.socket.close()
    await until(() => h.hub.sockets.size === 2)
  })

  test('of one socket do not overtake each other while the hub works', async () => {
    await using h = await startHarness()
    const gate = Promise.withResolvers<void>()
    h.hub.gate = gate.promise
    const { socket } = await connect(h)
    const sent = Array.from({ length: 20 }, (_, index) => `m${index}`)
    for (const text of sent) socket.send(text)
    gate.resolve()
    await until(() => h.hub.texts.length === 20)
    expect(h.hub.texts).toEqual(sent)
  })

  test('too many at once close the socket', async () => {
    await using h = await startHarness({ limits: { socketMessagesWaitingMax: 4 } })
    const gate = Promise.withResolvers<void>()
    h.hub.gate = gate.promise
    const { socket, closed } = await connect(h)
    for (let index = 0; index < 10; index++) socket.send('x')
    expect((await closed).code).toBe(1008)
    gate.resolve()
  })

  test('that are binary or too large close the socket', async () => {
    await using h = await startHarness({ limits: { socketMessageSizeBytesMax: 100 } })
    const binary = await connect(h)
    binary.socket.send(new Uint8Array(3))
    expect((await binary.closed).code).toBe(1003)
    const large = await connect(h)
    large.socket.send('x'.repeat(101))
    expect([1006, 1009]).toContain((await large.closed).code)
    expect(h.hub.texts).toEqual([])
    const fine = await connect(h)
    fine.socket.send('x'.repeat(100))
    await until(() => h.hub.texts.length === 1)
  })

  test('that break an invariant close the socket and are reported', async () => {
    await using h = await startHarness()
    const { socket, closed } = await connect(h)
    socket.send('boom')
    expect((await closed).code).toBe(1011)
    expect(h.broken.map(({ message }) => message)).toEqual(['broken invariant: boom'])
    expect(h.log.join('')).toContain('broken invariant: boom')
  })
})

describe('a viewer that does not read', () => {
  test('is cut at the backlog limit', async () => {
    await using h = await startHarness({ limits: { socketBacklogBytesMax: 64 * 1024 } })
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port: h.server.port,
      socket: { data: () => undefined },
    })
    socket.write(handshake(''))
    socket.flush()
    await until(() => h.hub.sockets.size === 1)
    socket.pause()
    const [live] = h.hub.sockets
    const text = 'x'.repeat(16 * 1024)
    let sent = 0
    // The kernel's buffers take a few megabytes first.
    while (h.hub.sockets.size === 1 && sent < 10_000) {
      live!.send(text)
      sent++
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(h.hub.sockets.size).toBe(0)
    expect(live!.send(text)).toBe(false)
    socket.terminate()
  })
})

describe('the handshake', () => {
  test('is refused to other origins', async () => {
    await using h = await startHarness()
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1.evil.example']) {
      expect(await askRaw(h, `Origin: ${origin}\r\n`)).toStartWith('HTTP/1.1 403 ')
    }
    expect(await askRaw(h, 'Origin: http://127.0.0.1\r\n')).toStartWith('HTTP/1.1 101 ')
    expect(await askRaw(h, '')).toStartWith('HTTP/1.1 101 ')
  })

  test('is refused under another name and with a query', async () => {
    await using h = await startHarness()
    const ask = (text: string) => sendRaw(h.server.port, [text], (received) => received.includes('\r\n\r\n'))
    expect(await ask(handshake('').replace('127.0.0.1', 'evil.example'))).toStartWith('HTTP/1.1 403 ')
    expect(await ask(handshake('').replace('/ws', '/ws?token=x'))).toStartWith('HTTP/1.1 400 ')
    expect(await ask(handshake('').replace('/ws', '/wsx'))).toStartWith('HTTP/1.1 404 ')
    expect(await ask(handshake('').replace(/Sec-WebSocket-Key.*\r\n/, ''))).toStartWith('HTTP/1.1 400 ')
  })

  test('takes a token from the header or from a sub-protocol, and never says it back', async () => {
    const tokens = [{ name: 'viewer', role: 'read' as const, sha256: hashToken('open-sesame') }]
    await using h = await startHarness({ security: { tokens } })
    for (const headers of [
      '',
      'Authorization: Bearer wrong\r\n',
      'Sec-WebSocket-Protocol: pspf, pspf.token.wrong\r\n',
      'Sec-WebSocket-Protocol: pspf\r\n',
      'Sec-WebSocket-Protocol: pspf.token.\r\nAuthorization: Bearer open-sesame\r\n',
    ]) {
      expect({ headers, answer: await askRaw(h, headers) }).toMatchObject({
        answer: expect.stringMatching(/^HTTP\/1\.1 401 /),
      })
    }
    const byProtocol = headOf(await askRaw(h, 'Sec-WebSocket-Protocol: pspf, pspf.token.open-sesame\r\n'))
    expect(byProtocol).toStartWith('HTTP/1.1 101 ')
    expect(byProtocol.toLowerCase()).toContain('sec-websocket-protocol: pspf\r\n')
    expect(byProtocol).not.toContain('sesame')
    expect(await askRaw(h, 'Authorization: Bearer open-sesame\r\n')).toStartWith('HTTP/1.1 101 ')
    const client = await connect(h, { protocols: ['pspf', 'pspf.token.open-sesame'] })
    expect(client.socket.protocol).toBe('pspf')
    client.socket.send('sub topics')
    await until(() => client.texts.length === 1)
  })

  test('is refused when there are too many sockets', async () => {
    await using h = await startHarness({ limits: { socketsMax: 1 } })
    const first = await connect(h)
    expect(await askRaw(h, '')).toStartWith('HTTP/1.1 503 ')
    first.socket.close()
    await until(() => h.server.sockets === 0)
    expect(await askRaw(h, '')).toStartWith('HTTP/1.1 101 ')
  })

  test('needs no compression and gets none', async () => {
    await using h = await startHarness()
    const head = headOf(await askRaw(h, 'Sec-WebSocket-Extensions: permessage-deflate\r\n'))
    expect(head.toLowerCase()).not.toContain('permessage-deflate')
  })
})

describe('stopping', () => {
  test('says goodbye to viewers, frees the port and does not hang', async () => {
    const h = await startHarness()
    const { port } = h.server
    const clients = await Promise.all([connect(h), connect(h)])
    await h.server.stop()
    for (const { texts, closed } of clients) {
      expect((await closed).code).toBe(1001)
      expect(texts).toEqual(['bye'])
    }
    expect(h.hub.isStopped).toBe(true)
    await using again = await startHarness({ port })
    expect((await again.ask('/health')).status).toBe(200)
  })

  test('answers a request in flight first, and refuses new ones', async () => {
    const h = await startHarness()
    await h.broker.createTopic({ name: 'orders' })
    const gate = Promise.withResolvers<void>()
    const produce = h.broker.produce
    let producing = false
    h.broker.produce = async (topic, records) => {
      producing = true
      await gate.promise
      return produce(topic, records)
    }
    const body = '{"n":1}'
    const written = h.ask('/api/v1/topics/orders/records', {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body,
    })
    await until(() => producing)
    const stopped = h.server.stop()
    const late = await h.ask('/health')
    expect(await problemOf(late)).toMatchObject({ status: 503, code: 'closed' })
    gate.resolve()
    expect((await written).status).toBe(200)
    await stopped
    expect(h.broker.dump('orders')).toEqual([{ key: null, value: body }])
  })
})

describe('starting', () => {
  test('on a port that is taken fails, and names the port and the way out', async () => {
    await using h = await startHarness()
    const { port } = h.server
    await expect(startHarness({ port })).rejects.toMatchObject({
      code: 'conflict',
      message: `port ${port} on 127.0.0.1 is taken by another process`,
      fix: expect.stringContaining(`--http 127.0.0.1:${port + 1}`),
    })
  })

  test('on an address of another machine fails', async () => {
    await expect(startHarness({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await new Promise((resolve) => setImmediate(resolve))
}
