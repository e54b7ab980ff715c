// A source: an operator of the app that makes rows. Its cursor is committed together with the rows, so that after a
// crash it goes on exactly behind the last row that counts.
import { type Duration, type Millis, parseDuration } from '#base'
import type { AppPart } from './app.ts'
import { type GeneratorNode, link, type Node, type TopicSettings } from './graph/node.ts'
import { streamOf } from './stream.ts'
import type { TopicHandle } from './topic.ts'

export type SourceContext<C> = {
  /** As of the last chunk that was committed; `start` at the very beginning. */
  readonly cursor: C
  /** The wall clock, read anew each time. */
  readonly now: Millis
  /** Milliseconds since this `read` began; never goes back. */
  readonly elapsedMs: number
  /** Aborted when the app stops: a `read` that waits must end then. */
  readonly signal: AbortSignal
  /** Waits, or ends early when the app stops. */
  wait(delayMs: number): Promise<void>
}

/** Rows of one commit at most, and the cursor to go on from once they are in. Without `cursor` it stays. */
export type SourceChunk<V, C> = { readonly rows: readonly V[]; readonly cursor?: C }
type Chunk<V, C> = readonly V[] | SourceChunk<V, C>
export type SourceAnswer<V, C> =
  | Chunk<V, C>
  | Promise<Chunk<V, C>>
  | AsyncIterable<Chunk<V, C>>
  | Iterable<SourceChunk<V, C>>

export type SourceOptions<V, C> = {
  readonly to: TopicHandle<V>
  /** Calls `read` again and again. Without it `read` runs once, and when what it answers has ended, so has the source. */
  readonly every?: Duration
  /** Any JSON value. */
  readonly start: C
  /** Rows, rows with a cursor, or a generator of either, drained as fast as the log takes them. */
  readonly read: (context: SourceContext<C>) => SourceAnswer<NoInfer<V>, NoInfer<C>>
}

/** What the runtime sees of a source. */
export type GeneratorSettings = {
  readonly to: TopicSettings
  readonly everyMs: Millis | null
  readonly start: unknown
  readonly read: (context: SourceContext<unknown>) => SourceAnswer<unknown, unknown>
}

export type Source = AppPart & { readonly name: string }

/**
 * The name identifies the cursor.
 * @example source('cpu', { to: cpu, every: '1s', read: ({ now }) => [{ at: now, load: loadavg()[0] }] })
 * @example source('orders', { to: orders, start: 0, every: '5s', read: async ({ cursor }) => {
 *   const rows = await ordersAbove(cursor)
 *   return { rows, cursor: rows.at(-1)?.id ?? cursor }
 * } })
 */
export function source<V, C>(name: string, options: SourceOptions<V, C>): Source
export function source<V>(
  name: string,
  options: Omit<SourceOptions<V, null>, 'start'> & { readonly start?: undefined },
): Source
export function source<V, C>(
  name: string,
  options: Omit<SourceOptions<V, C>, 'start'> & { readonly start?: C },
): Source {
  const settings: GeneratorSettings = {
    to: options.to.settings,
    everyMs: options.every === undefined ? null : parseDuration(options.every),
    start: options.start ?? null,
    read: options.read as GeneratorSettings['read'],
  }
  const node = link<GeneratorNode>({ kind: 'generator', name, settings, parents: [] })
  link<Node>({ kind: 'sink', topic: settings.to, parents: [node] })
  return { name, streams: () => [streamOf<unknown>(node)] }
}
