// What a page watches: channels over one link, each with its folded view as a signal. Drawing happens at most once per
// picture; a pause stops drawing, not receiving; a hidden tab stops receiving after a while.
import { batch, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { ChannelData, ServerMessage } from '../../src/http/contract.ts'
import { createLink, type LinkStatus } from './link.ts'
import type { LivePorts } from './ports.ts'
import { applyDelta, defaultLimits, type FoldLimits } from './reduce.ts'

/** A page that is left and returned to within this time finds its data still there. */
export const lingerMs = 5_000
export const hiddenAfterMs = 30_000
/** Views kept for pages no longer open; the longest unused goes first. */
export const idleChannelsMax = 64

export type ChannelProblem = { readonly code: string; readonly message: string; readonly fix?: string }

export type ChannelView = {
  readonly data: ReadonlySignal<ChannelData | null>
  readonly problem: ReadonlySignal<ChannelProblem | null>
  /** When the last snapshot or delta arrived. */
  readonly updatedAt: ReadonlySignal<number | null>
}

export type Live = {
  readonly status: ReadonlySignal<LinkStatus>
  readonly paused: ReadonlySignal<boolean>
  /** Messages received while paused, not drawn yet. */
  readonly buffered: ReadonlySignal<number>
  setPaused(paused: boolean): void
  /** Watching begins with the first `acquire` and ends some time after the last release. */
  view(channel: string, limits?: Partial<FoldLimits>): ChannelView
  acquire(channel: string): () => void
  setVisible(visible: boolean): void
  retry(): void
  stop(): void
}

type Channel = {
  readonly name: string
  readonly shown: Signal<ChannelData | null>
  readonly problem: Signal<ChannelProblem | null>
  readonly updatedAt: Signal<number | null>
  limits: FoldLimits
  /** Folded but perhaps not shown yet. */
  current: ChannelData | null
  resume: { epoch: string; seq: number } | null
  users: number
  subscribed: boolean
  changedAt: number
  cancelLinger: (() => void) | null
}

/** `onError`: what the server said about no channel in particular. */
export function createLive(ports: LivePorts, onError: (problem: ChannelProblem) => void): Live {
  const channels = new Map<string, Channel>()
  const dirty = new Set<Channel>()
  const paused = signal(false)
  const buffered = signal(0)
  let framePending = false
  let visible = true
  let cancelHide: (() => void) | null = null
  const link = createLink(ports, { onOpen: subscribeAll, onMessage: receive })

  function subscribe(channel: Channel): void {
    if (channel.subscribed) return
    channel.subscribed = true
    link.send({ op: 'sub', ch: channel.name, ...(channel.resume && { resume: channel.resume }) })
  }

  function unsubscribe(channel: Channel): void {
    if (!channel.subscribed) return
    channel.subscribed = false
    link.send({ op: 'unsub', ch: channel.name })
  }

  /** A new connection knows nothing of the old one. */
  function subscribeAll(): void {
    for (const channel of channels.values()) {
      channel.subscribed = false
      if (channel.users > 0 && visible) subscribe(channel)
    }
  }

  function receive(message: ServerMessage): void {
    if (message.op === 'error') fail(message)
    if (message.op !== 'snap' && message.op !== 'delta') return
    const channel = channels.get(message.ch)
    // An unsubscribe may cross what was already under way.
    if (!channel?.subscribed) return
    if (message.op === 'snap') {
      channel.current = message.data
      channel.resume = { epoch: message.epoch, seq: message.seq }
    } else {
      if (!channel.resume || message.seq <= channel.resume.seq) return
      channel.current = applyDelta(channel.current, message.data, channel.limits)
      channel.resume = { epoch: channel.resume.epoch, seq: message.seq }
    }
    channel.changedAt = ports.now()
    dirty.add(channel)
    if (paused.peek()) buffered.value += 1
    scheduleDraw()
  }

  function fail(message: Extract<ServerMessage, { op: 'error' }>): void {
    const problem = {
      code: message.code,
      message: message.message,
      ...(message.fix !== undefined && { fix: message.fix }),
    }
    const channel = message.ch === undefined ? undefined : channels.get(message.ch)
    if (channel) channel.problem.value = problem
    else onError(problem)
  }

  function scheduleDraw(): void {
    if (framePending) return
    framePending = true
    ports.frame(() => {
      framePending = false
      if (!paused.peek()) draw()
    })
  }

  function draw(): void {
    batch(() => {
      for (const channel of dirty) {
        channel.shown.value = channel.current
        channel.updatedAt.value = channel.changedAt
        channel.problem.value = null
      }
    })
    dirty.clear()
  }

  function forgetIdle(): void {
    const idle = [...channels.values()].filter((channel) => channel.users === 0 && !channel.subscribed)
    idle.sort((a, b) => a.changedAt - b.changedAt)
    for (const channel of idle.slice(0, Math.max(0, idle.length - idleChannelsMax))) {
      channels.delete(channel.name)
      dirty.delete(channel)
    }
  }

  function channelOf(name: string): Channel {
    const known = channels.get(name)
    if (known) return known
    const channel: Channel = {
      name,
      shown: signal(null),
      problem: signal(null),
      updatedAt: signal(null),
      limits: defaultLimits,
      current: null,
      resume: null,
      users: 0,
      subscribed: false,
      changedAt: ports.now(),
      cancelLinger: null,
    }
    channels.set(name, channel)
    return channel
  }

  function release(channel: Channel): void {
    channel.users -= 1
    if (channel.users > 0) return
    channel.cancelLinger = ports.after(lingerMs, () => {
      channel.cancelLinger = null
      if (channel.users > 0) return
      unsubscribe(channel)
      forgetIdle()
    })
  }

  return {
    status: link.status,
    paused,
    buffered,
    setPaused(next) {
      paused.value = next
      buffered.value = 0
      if (!next) draw()
    },
    view(name, limits) {
      const channel = channelOf(name)
      if (limits) channel.limits = { ...channel.limits, ...limits }
      return { data: channel.shown, problem: channel.problem, updatedAt: channel.updatedAt }
    },
    acquire(name) {
      const channel = channelOf(name)
      channel.users += 1
      channel.cancelLinger?.()
      channel.cancelLinger = null
      if (visible) subscribe(channel)
      let released = false
      return () => {
        if (released) return
        released = true
        release(channel)
      }
    },
    setVisible(next) {
      cancelHide?.()
      cancelHide = null
      if (next) {
        visible = true
        for (const channel of channels.values()) if (channel.users > 0) subscribe(channel)
        link.retry()
      } else {
        cancelHide = ports.after(hiddenAfterMs, () => {
          visible = false
          for (const channel of channels.values()) unsubscribe(channel)
        })
      }
    },
    retry: () => link.retry(),
    stop: () => link.stop(),
  }
}
