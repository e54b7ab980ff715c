import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ClientMessage, ServerMessage } from '../../src/http/contract.ts'
import { decideDelayMs, delayMsMax, firstDelayMs } from '../../ui/live/backoff.ts'
import { type ChannelProblem, createLive, hiddenAfterMs, lingerMs } from '../../ui/live/channels.ts'
import { staleAfterMs } from '../../ui/live/link.ts'
import { type SocketEvents, socketUrl } from '../../ui/live/ports.ts'

/** A page with its own time and network: nothing happens unless the test says so. */
function fakePage() {
  let now = 1_000_000
  let timers: { at: number; call: () => void }[] = []
  const frames: (() => void)[] = []
  const sockets: { events: SocketEvents; sent: ClientMessage[]; closed: boolean }[] = []
  const errors: ChannelProblem[] = []
  const live = createLive(
    {
      open(events) {
        const socket = { events, sent: [] as ClientMessage[], closed: false }
        sockets.push(socket)
        return {
          send: (text) => {
            socket.sent.push(JSON.parse(text) as ClientMessage)
          },
          close: () => {
            socket.closed = true
          },
        }
      },
      now: () => now,
      random: () => 0,
      after(ms, call) {
        const timer = { at: now + ms, call }
        timers.push(timer)
        return () => {
          timers = timers.filter((other) => other !== timer)
        }
      },
      frame: (call) => {
        frames.push(call)
      },
    },
    (problem) => errors.push(problem),
  )
  return {
    live,
    sockets,
    errors,
    get socket() {
      return sockets[sockets.length - 1]!
    },
    say(message: ServerMessage) {
      this.socket.events.onText(JSON.stringify(message))
    },
    draw() {
      for (const call of frames.splice(0)) call()
    },
    pass(ms: number) {
      const end = now + ms
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        now = next.at
        timers = timers.filter((timer) => timer !== next)
        next.call()
      }
      now = end
    },
  }
}

const stat = (value: number) => ({ kind: 'stat', value, previous: null, at: 1, spark: [] }) as const
const snap = (seq: number, value: number): ServerMessage => ({
  op: 'snap',
  ch: 'widget/a',
  epoch: 'e1',
  seq,
  data: stat(value),
})
const delta = (seq: number, value: number): ServerMessage => ({
  op: 'delta',
  ch: 'widget/a',
  seq,
  data: stat(value),
})

describe('channels', () => {
  test('a channel is subscribed once for all its users and shows its snapshot at the next frame', () => {
    const page = fakePage()
    page.live.acquire('widget/a')
    page.live.acquire('widget/a')
    page.socket.events.onOpen()
    expect(page.socket.sent).toEqual([{ op: 'sub', ch: 'widget/a' }])
    page.say(snap(5, 1))
    expect(page.live.view('widget/a').data.value).toBeNull()
    page.draw()
    expect(page.live.view('widget/a').data.value).toEqual(stat(1))
  })

  test('a delta at or below the known sequence is ignored', () => {
    const page = fakePage()
    page.live.acquire('widget/a')
    page.socket.events.onOpen()
    page.say(snap(5, 1))
    page.say(delta(5, 99))
    page.draw()
    expect(page.live.view('widget/a').data.value).toEqual(stat(1))
    page.say(delta(6, 2))
    page.draw()
    expect(page.live.view('widget/a').data.value).toEqual(stat(2))
  })

  test('after a lost connection the subscription resumes from the last epoch and sequence', () => {
    const page = fakePage()
    page.live.acquire('widget/a')
    page.socket.events.onOpen()
    page.say(snap(5, 1))
    page.say(delta(8, 2))
    page.socket.events.onClose()
    expect(page.live.status.value.phase).toBe('reconnecting')
    page.pass(firstDelayMs)
    expect(page.sockets).toHaveLength(2)
    page.socket.events.onOpen()
    expect(page.socket.sent).toEqual([{ op: 'sub', ch: 'widget/a', resume: { epoch: 'e1', seq: 8 } }])
    page.say(delta(9, 3))
    expect(page.live.status.value.phase).toBe('live')
  })

  test('a released channel is kept for a while, then unsubscribed, then resumed on return', () => {
    const page = fakePage()
    const release = page.live.acquire('widget/a')
    page.socket.events.onOpen()
    page.say(snap(5, 1))
    release()
    page.pass(lingerMs - 1)
    expect(page.socket.sent).toHaveLength(1)
    page.pass(1)
    expect(page.socket.sent[1]).toEqual({ op: 'unsub', ch: 'widget/a' })
    page.live.acquire('widget/a')
    expect(page.socket.sent[2]).toEqual({ op: 'sub', ch: 'widget/a', resume: { epoch: 'e1', seq: 5 } })
  })

  test('a tab hidden for long unsubscribes and resumes when seen again', () => {
    const page = fakePage()
    page.live.acquire('widget/a')
    page.socket.events.onOpen()
    page.say(snap(5, 1))
    page.live.setVisible(false)
    for (let beat = 0; beat < hiddenAfterMs; beat += 5_000) {
      page.say({ op: 'hb', now: 0 })
      page.pass(5_000)
    }
    expect(page.socket.sent[1]).toEqual({ op: 'unsub', ch: 'widget/a' })
    page.live.setVisible(true)
    expect(page.socket.sent[2]).toEqual({ op: 'sub', ch: 'widget/a', resume: { epoch: 'e1', seq: 5 } })
  })

  test('a pause stops drawing but not receiving, counts, and ends with the newest view', () => {
    const page = fakePage()
    page.live.acquire('widget/a')
    page.socket.events.onOpen()
    page.say(snap(5, 1))
    page.draw()
    page.live.setPaused(true)
    page.say(delta(6, 2))
    page.say(delta(7, 3))
    page.draw()
    expect(page.live.view('widget/a').data.value).toEqual(stat(1))
    expect(page.live.buffered.value).toBe(2)
    page.live.setPaused(false)
    expect(page.live.view('widget/a').data.value).toEqual(stat(3))
    expect(page.live.buffered.value).toBe(0)
  })

  test('an error names its channel or goes to the page', () => {
    const page = fakePage()
    page.live.acquire('widget/a')
    page.socket.events.onOpen()
    page.say({ op: 'error', ch: 'widget/a', code: 'not_found', message: 'no widget "a"' })
    page.say({ op: 'error', code: 'busy', message: 'later' })
    expect(page.live.view('widget/a').problem.value?.code).toBe('not_found')
    expect(page.errors).toEqual([{ code: 'busy', message: 'later' }])
  })
})

describe('link', () => {
  test('two missed heartbeats make the picture stale and the socket is given up', () => {
    const page = fakePage()
    page.socket.events.onOpen()
    page.say({ op: 'hb', now: 0 })
    page.pass(staleAfterMs - 1_000)
    expect(page.live.status.value.phase).toBe('live')
    page.pass(2_000)
    expect(page.live.status.value).toEqual({ phase: 'stale', since: 1_000_000 })
    expect(page.sockets[0]?.closed).toBe(true)
    page.pass(firstDelayMs)
    expect(page.sockets).toHaveLength(2)
  })

  test('a server that opens sockets but says nothing stays stale, and is asked ever more rarely', () => {
    const page = fakePage()
    page.socket.events.onOpen()
    page.say({ op: 'hb', now: 0 })
    for (let round = 0; round < 4; round += 1) {
      page.pass(staleAfterMs + 1_000)
      expect(page.live.status.value).toEqual({ phase: 'stale', since: 1_000_000 })
      page.pass(delayMsMax)
      page.socket.events.onOpen()
    }
    expect(page.live.status.value.phase).toBe('stale')
    page.say({ op: 'hb', now: 0 })
    expect(page.live.status.value.phase).toBe('live')
  })

  test('words from a socket that was given up are not heard', () => {
    const page = fakePage()
    page.live.acquire('widget/a')
    const first = page.socket
    first.events.onOpen()
    first.events.onClose()
    page.pass(firstDelayMs)
    first.events.onText(JSON.stringify(snap(1, 1)))
    page.draw()
    expect(page.live.view('widget/a').data.value).toBeNull()
  })

  test('a stopping server is given the time it asks for', () => {
    const page = fakePage()
    page.socket.events.onOpen()
    page.say({ op: 'bye', reconnectMs: 4_000 })
    page.socket.events.onClose()
    page.pass(2_999)
    expect(page.sockets).toHaveLength(1)
    page.pass(1)
    expect(page.sockets).toHaveLength(2)
  })

  test('text that is no message is survived', () => {
    const page = fakePage()
    page.socket.events.onOpen()
    page.say({ op: 'hb', now: 0 })
    page.socket.events.onText('<html>')
    page.socket.events.onText('null')
    expect(page.live.status.value.phase).toBe('live')
  })

  test('the delay grows within its bounds', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
        const delay = decideDelayMs(attempt, () => random)
        expect(delay).toBeGreaterThanOrEqual(firstDelayMs)
        expect(delay).toBeLessThanOrEqual(delayMsMax)
      }),
    )
    expect(decideDelayMs(20, () => 1)).toBe(delayMsMax)
  })

  test('the socket lives below the base path, secure where the page is', () => {
    expect(socketUrl('http://host:7070/')).toBe('ws://host:7070/ws')
    expect(socketUrl('https://host/sub/path/')).toBe('wss://host/sub/path/ws')
  })
})
