// What a process handler gets to use its state with. The handles are made once; whose state they are is what the operator
// says is at work.
import type { KeyValue } from '../graph/node.ts'
import { type ListState, type MapState, type SetState, storable, type ValueState } from '../keyed-state.ts'
import { type KeyedCells, onlyPart } from './keyed-cells.ts'
import { isKey } from './stateless.ts'

/** The key at work, and its time. */
export type Scope = {
  key: KeyValue
  /** Of what is written. */
  at: number
  /** As of which is read. */
  watermark: number
}

export function handleOf(cells: KeyedCells, scope: Scope): unknown {
  switch (cells.spec.kind) {
    case 'value':
      return valueHandle(cells, scope)
    case 'list':
      return listHandle(cells, scope)
    case 'map':
      return mapHandle(cells, scope)
    case 'set':
      return setHandle(cells, scope)
  }
}

function valueHandle(cells: KeyedCells, scope: Scope): ValueState<unknown> {
  const get = () => {
    const cell = cells.cell(scope.key, onlyPart, scope.watermark)
    return (cell === undefined ? cells.spec.initial : cell.value) as Readonly<unknown>
  }
  const set = (value: unknown) => cells.put(scope.key, onlyPart, { at: scope.at, value: storable(value) })
  return {
    get,
    set,
    update(change) {
      set(change(get()))
      return get()
    },
    clear: () => cells.put(scope.key, onlyPart, undefined),
  }
}

function listHandle(cells: KeyedCells, scope: Scope): ListState<unknown> {
  const all = () => cells.cells(scope.key, scope.watermark)
  return {
    get: () => Object.freeze(all().map(([, { value }]) => value as Readonly<unknown>)),
    get size() {
      return cells.count(scope.key, scope.watermark)
    },
    append: (value) => cells.append(scope.key, { at: scope.at, value: storable(value) }, scope.watermark),
    clear: () => clear(cells, scope),
  }
}

function mapHandle(cells: KeyedCells, scope: Scope): MapState<KeyValue, unknown> {
  const get = (key: KeyValue) =>
    cells.cell(scope.key, key, scope.watermark)?.value as Readonly<unknown> | undefined
  const set = (key: KeyValue, value: unknown) =>
    cells.put(scope.key, checked(key), { at: scope.at, value: storable(value) })
  return {
    get,
    has: (key) => cells.cell(scope.key, key, scope.watermark) !== undefined,
    get size() {
      return cells.count(scope.key, scope.watermark)
    },
    entries: () =>
      cells
        .cells(scope.key, scope.watermark)
        .map(([key, { value }]) => [key, value as Readonly<unknown>] as const),
    set,
    update(key, change) {
      set(key, change(get(key)))
      return get(key)!
    },
    delete: (key) => cells.put(scope.key, key, undefined),
    clear: () => clear(cells, scope),
  }
}

function setHandle(cells: KeyedCells, scope: Scope): SetState<KeyValue> {
  return {
    has: (value) => cells.cell(scope.key, value, scope.watermark) !== undefined,
    get size() {
      return cells.count(scope.key, scope.watermark)
    },
    values: () => cells.cells(scope.key, scope.watermark).map(([value]) => value),
    add: (value) => cells.put(scope.key, checked(value), { at: scope.at, value: null }),
    delete: (value) => cells.put(scope.key, value, undefined),
    clear: () => clear(cells, scope),
  }
}

/** Expired parts as well: nobody reads them any more. */
function clear(cells: KeyedCells, scope: Scope): void {
  for (const [part] of cells.cells(scope.key, -Infinity)) cells.put(scope.key, part, undefined)
}

function checked(key: unknown): KeyValue {
  if (isKey(key)) return typeof key === 'string' && !key.isWellFormed() ? key.toWellFormed() : key
  throw new TypeError(
    `an entry's key must be a string, number or boolean, got ${JSON.stringify(key) ?? String(key)}`,
  )
}
