// What decorators note down of a class until `@stream` makes a handler of it, and what belongs to a class and its instances
// from then on. Decorators are those of the language's standard (TC39, stage 3).
import { BrokerError } from '#base'
import type { AppPart } from './app.ts'
import type { ErrorPolicy } from './error-policy.ts'
import type { StateSettings } from './keyed-state.ts'

// Where the runtime has no name for it yet, transpiled classes look for this one. It must be there before they load.
if (!Object.hasOwn(Symbol, 'metadata')) {
  Object.defineProperty(Symbol, 'metadata', { value: Symbol.for('Symbol.metadata') })
}

/** Names of members by what they are for. */
export type Members = {
  readonly state: Record<string, StateSettings>
  readonly timers: Map<string, PropertyKey>
  event: PropertyKey | null
  late: PropertyKey | null
  failed: PropertyKey | null
  policy: ErrorPolicy | null
}

const noted = new WeakMap<object, Members>()

/** Of the class that a decorator is at. */
export function membersOf({ metadata }: { readonly metadata?: object | undefined }): Members {
  if (metadata === undefined) {
    throw new BrokerError(
      'invalid_request',
      'this class was transpiled without metadata for its decorators',
      {
        fix: 'run it with pspf, or leave "experimentalDecorators" out of tsconfig.json',
      },
    )
  }
  const known = noted.get(metadata)
  if (known !== undefined) return known
  const members: Members = {
    state: {},
    timers: new Map(),
    event: null,
    late: null,
    failed: null,
    policy: null,
  }
  noted.set(metadata, members)
  return members
}

export type HandlerClass = new () => object

const parts = new WeakMap<HandlerClass, AppPart>()

export function declareClass(of: HandlerClass, part: AppPart): void {
  parts.set(of, part)
}

/** What the app gets of a class. Throws `invalid_request` for one without `@stream`. */
export function partOfClass(of: HandlerClass): AppPart {
  const part = parts.get(of)
  if (part !== undefined) return part
  throw new BrokerError('invalid_request', `class ${of.name} handles no stream`, {
    fix: `put @stream('name', { from: ... }) before it`,
  })
}

const states = new WeakMap<object, Readonly<Record<string, unknown>>>()

export function bindState(instance: object, state: Readonly<Record<string, unknown>>): void {
  states.set(instance, state)
}

export function stateOf(instance: object): Readonly<Record<string, unknown>> {
  const state = states.get(instance)
  if (state === undefined) throw new TypeError('state is there while a row or a timer is at work')
  return state
}
