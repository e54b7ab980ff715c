// State that a process handler keeps for each key, as users declare and use it. What is read is frozen: state changes only
// through `set`, `update`, `append` and the like, so that every change is in the next commit, and can be undone.
import { BrokerError, type Duration, type Millis, parseDuration } from '#base'
import { membersOf, stateOf } from './decorated-class.ts'
import type { KeyValue } from './graph/node.ts'

export type StateOptions = {
  /**
   * How long after its last write something is forgotten: a value, one item of a list, one entry of a map or set. Counted
   * in event time, from the time of the row or timer that wrote it (from the watermark, if that is later).
   * Default: it is kept.
   */
  readonly ttl?: Duration
}

export interface ValueState<T> {
  /** The default, if nothing was set or it has expired. */
  get(): Readonly<T>
  set(value: T): void
  /** Sets what the function makes of the value, and answers it. */
  update(change: (value: Readonly<T>) => T): Readonly<T>
  /** Back to the default. */
  clear(): void
}

export interface ListState<T> {
  /** The oldest first. */
  get(): readonly Readonly<T>[]
  readonly size: number
  /** Above `max` items the oldest go. */
  append(value: T): void
  clear(): void
}

export interface MapState<K extends KeyValue, V> {
  get(key: K): Readonly<V> | undefined
  has(key: K): boolean
  readonly size: number
  /** In the order of the bytes of the keys. */
  entries(): readonly (readonly [K, Readonly<V>])[]
  set(key: K, value: V): void
  update(key: K, change: (value: Readonly<V> | undefined) => V): Readonly<V>
  delete(key: K): void
  clear(): void
}

export interface SetState<T extends KeyValue> {
  has(value: T): boolean
  readonly size: number
  /** In the order of their bytes. */
  values(): readonly T[]
  add(value: T): void
  delete(value: T): void
  clear(): void
}

export type StateKind = 'value' | 'list' | 'map' | 'set'

/** What was declared. */
export type StateSettings = {
  readonly kind: StateKind
  /** null: for ever. */
  readonly ttlMs: Millis | null
  /** Of a value. */
  readonly initial: unknown
  /** Of a list. */
  readonly itemsMax: number
}

declare const handle: unique symbol
/** A declaration; `H` is what handlers use. Before an accessor of a class with `@stream`, a decorator. */
export type StateSpec<H> = StateSettings & {
  readonly [handle]?: H
  <This extends object>(
    target: ClassAccessorDecoratorTarget<This, H>,
    context: ClassAccessorDecoratorContext<This, H>,
  ): ClassAccessorDecoratorResult<This, H>
}

export type StateSpecs = Readonly<Record<string, StateSettings>>
export type HandlesOf<S> = {
  readonly [N in keyof S]: S[N] extends { readonly [handle]?: infer H } ? H : never
}

/** Bounds the memory that one key's list can take. */
export const listItemsMax = 100_000

function spec<H>(kind: StateKind, options: StateOptions & { initial?: unknown; max?: number }): StateSpec<H> {
  const { ttl, initial = null, max = listItemsMax } = options
  const ttlMs = ttl === undefined ? null : parseDuration(ttl)
  const settings: StateSettings = { kind, ttlMs, initial: storable(initial), itemsMax: max }
  return Object.assign(stateAccessor<H>(settings), settings)
}

/** Declares what `process` keeps for each key. Values are stored as JSON. */
export const state = {
  /**
   * One value.
   * @example
   * orders.stream().keyBy('customer').process('spent', {
   *   state: { total: state.value(0, { ttl: '30d' }) },
   *   on: (order, ctx) => { ctx.state.total.update((sum) => sum + order.amount) },
   * })
   */
  value: <T>(initial: T, options: StateOptions = {}): StateSpec<ValueState<T>> =>
    spec('value', { ...options, initial }),
  /**
   * The newest `max` items, in the order in which they were appended.
   * @example
   * orders.stream().keyBy('customer').process('latest', {
   *   state: { ids: state.list<number>({ max: 10 }) },
   *   on: (order, ctx) => ctx.state.ids.append(order.id),
   * })
   */
  list<T>(options: StateOptions & { readonly max: number }): StateSpec<ListState<T>> {
    const { max } = options
    if (!Number.isSafeInteger(max) || max < 1 || max > listItemsMax) {
      throw new BrokerError('invalid_request', `a list cannot hold ${max} items`, {
        fix: `use a whole number from 1 to ${listItemsMax}`,
      })
    }
    return spec('list', options)
  },
  /**
   * A value for each of its own keys: strings, numbers or booleans.
   * @example
   * orders.stream().keyBy('customer').process('per-region', {
   *   state: { spent: state.map<string, number>() },
   *   on: (order, ctx) => { ctx.state.spent.update(order.region, (sum = 0) => sum + order.amount) },
   * })
   */
  map: <K extends KeyValue, V>(options: StateOptions = {}): StateSpec<MapState<K, V>> => spec('map', options),
  /**
   * Strings, numbers or booleans, each once.
   * @example
   * orders.stream().keyBy('customer').process('regions', {
   *   state: { seen: state.set<string>({ ttl: '1d' }) },
   *   on: (order, ctx) => ctx.state.seen.add(order.region),
   * })
   */
  set: <T extends KeyValue>(options: StateOptions = {}): StateSpec<SetState<T>> => spec('set', options),
}

/** The accessor of a class reads what is kept for the key at work. */
function stateAccessor<H>(settings: StateSettings): StateSpec<H> {
  const decorator = <This extends object>(
    _target: ClassAccessorDecoratorTarget<This, H>,
    context: ClassAccessorDecoratorContext<This, H>,
  ): ClassAccessorDecoratorResult<This, H> => {
    const name = String(context.name)
    membersOf(context).state[name] = settings
    return {
      get(this: This): H {
        return stateOf(this)[name] as H
      },
      set(): never {
        throw new TypeError(`"${name}" is not assigned to: use this.${name}.set(...) and the like`)
      },
    }
  }
  return decorator as StateSpec<H>
}

/** The value, unchangeable from here on. Throws for what would be something else after a restart: only JSON comes back. */
export function storable<T>(value: T): T {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      if (Number.isFinite(value)) return value
      break
    case 'object': {
      if (value === null) return value
      const prototype: unknown = Object.getPrototypeOf(value)
      if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) break
      if (Object.isFrozen(value)) return value
      for (const part of Object.values(value)) if (part !== undefined) storable(part)
      return Object.freeze(value)
    }
  }
  const what = typeof value === 'object' ? `a ${value?.constructor?.name ?? 'class instance'}` : String(value)
  throw new TypeError(`${what} cannot be kept as state: it would be something else after a restart`)
}
