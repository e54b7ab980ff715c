// Process handlers as classes: the same node as `process`, declared by decorators.
import { BrokerError, toError } from '#base'
import {
  bindState,
  declareClass,
  type HandlerClass,
  type Members,
  membersOf,
  partOfClass,
} from './decorated-class.ts'
import { type ErrorPolicy, errorSettings } from './error-policy.ts'
import type { KeyValue } from './graph/node.ts'
import {
  type Output,
  output,
  type ProcessContext,
  type Processed,
  type ProcessOptions,
  processHandler,
} from './process-handler.ts'
import type { KeyField, Stream } from './stream.ts'
import type { SinkTopic, SourceTopic } from './topic.ts'

type Target = SinkTopic<never> | string

export type HandlerOptions<V> = {
  /** A topic, or a stream. */
  readonly from: SourceTopic<V> | Stream<V>
  /** By what rows are grouped; a stream that is keyed already needs none. */
  readonly key?: KeyField<V> | ((row: V) => KeyValue | null | undefined)
  /** Where rows of `ctx.emit(row)` go. They can be taken further: `stream(TheClass).out`. */
  readonly to?: Target
  /** Where rows of `ctx.emit('name', row)` go. */
  readonly side?: Readonly<Record<string, Target>>
}

/** What a method of a class is handed: rows of type `O` go out. */
export type Ctx<O = unknown> = ProcessContext<
  string,
  Record<never, never>,
  O,
  Record<string, Output<unknown>>,
  string
>

type ClassOutputs<O> = Processed<string, unknown, O, Readonly<Record<string, Output<unknown>>>>
type ClassDecorator = (handler: HandlerClass, context: ClassDecoratorContext) => void
type Method = (...given: never[]) => void
type MethodDecorator = (method: Method, context: ClassMethodDecoratorContext) => void

/**
 * Before a class: its methods handle the rows of each key. The name identifies its state. Give the class itself to the app:
 * `app({ id }).use(Spending)`.
 * @example
 * const counted = stream('spending', { from: orders, key: 'customer', to: 'spending' })
 */
export function stream<V>(name: string, options: HandlerOptions<V>): ClassDecorator
/** What a class with `@stream` emits. */
export function stream<O = unknown>(handler: HandlerClass): ClassOutputs<O>
export function stream<V>(of: string | HandlerClass, options?: HandlerOptions<V>): ClassDecorator | object {
  if (typeof of === 'function') return partOfClass(of)
  return (handler: HandlerClass, context: ClassDecoratorContext) => {
    declareClass(handler, processOf(of, options!, { handler, members: membersOf(context) }))
  }
}

/** Before methods: for what they are called. */
export const on = {
  /**
   * Each row: `handle(row, ctx)`.
   * @example const handles = on.event()
   */
  event: (): MethodDecorator =>
    noting((members, name) => {
      members.event = name
    }),
  /**
   * Rows behind event time, which `event` then does not get: `late(row, ctx)`.
   * @example const judges = on.late()
   */
  late: (): MethodDecorator =>
    noting((members, name) => {
      members.late = name
    }),
  /**
   * What happens when a method throws; this one is told of each try that failed: `failed(error, ctx)`. What it does to state
   * is undone with the row.
   * @example const tells = on.error({ retry: 3, otherwise: 'dead-letter' })
   */
  error(policy: ErrorPolicy): MethodDecorator {
    errorSettings(policy)
    return noting((members, name) => {
      members.failed = name
      members.policy = policy
    })
  },
}

/**
 * Before a method: what happens when the timer of that name fires.
 * @example const fires = timer('quiet')
 */
export function timer(name: string): MethodDecorator {
  return noting((members, method) => {
    members.timers.set(name, method)
  })
}

function noting(note: (members: Members, name: PropertyKey) => void): MethodDecorator {
  return (_, context) => note(membersOf(context), context.name)
}

type Declared = { readonly handler: HandlerClass; readonly members: Members }
type AnyContext = { readonly state: Readonly<Record<string, unknown>> }
type AnyMethod = (...given: unknown[]) => unknown

function processOf<V>(name: string, options: HandlerOptions<V>, declared: Declared): ClassOutputs<unknown> {
  const { members, handler } = declared
  const { event, late, timers, state, policy } = members
  if (event === null) {
    throw new BrokerError('invalid_request', `class ${handler.name} has no method for rows`, {
      fix: 'put @on.event() before one',
    })
  }
  const call = callerOf(declared)
  const side = Object.fromEntries(Object.keys(options.side ?? {}).map((to) => [to, output<unknown>()]))
  type Wanted = ProcessOptions<string, unknown, typeof state, unknown, typeof side, string>
  const wanted: Wanted = {
    state,
    side,
    out: output<unknown>(),
    on: (row, ctx) => call(ctx, event, row),
    timers: Object.fromEntries([...timers].map(([own, method]) => [own, (ctx) => call(ctx, method)])),
    ...(late === null ? {} : { late: (row: unknown, ctx: AnyContext) => call(ctx, late, row) }),
  }
  const made = processHandler<string, unknown, typeof state, unknown, typeof side, string>(
    parentOf(options),
    name,
    wanted,
  )
  if (policy !== null) made.out.onError(policy)
  if (options.to !== undefined) made.out.to(options.to as SinkTopic<unknown> | string)
  for (const [own, to] of Object.entries(options.side ?? {}))
    made.side[own]!.to(to as SinkTopic<unknown> | string)
  return made
}

function parentOf<V>({ from, key }: HandlerOptions<V>) {
  const rows = 'settings' in from ? from.stream() : from
  return key === undefined ? rows.node : rows.keyBy(key as (row: V) => KeyValue | null | undefined).node
}

/** One instance for each task: it is made when the first row comes, and sees the state of the key at work. */
function callerOf({ handler: Handler, members: { failed } }: Declared) {
  const instances = new WeakMap<AnyContext, Readonly<Record<PropertyKey, AnyMethod>>>()
  const instanceFor = (ctx: AnyContext) => {
    const known = instances.get(ctx)
    if (known !== undefined) return known
    const made = new Handler()
    bindState(made, ctx.state)
    const methods = made as Readonly<Record<PropertyKey, AnyMethod>>
    instances.set(ctx, methods)
    return methods
  }
  return (ctx: AnyContext, method: PropertyKey, ...row: readonly unknown[]): unknown => {
    const instance = instanceFor(ctx)
    try {
      return instance[method]!(...row, ctx)
    } catch (thrown) {
      if (failed !== null) instance[failed]!(toError(thrown), ctx)
      throw thrown
    }
  }
}
