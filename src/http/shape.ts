// The shapes of bodies, parameters and answers: TypeBox schemas in the vocabulary of OpenAPI 3.0, and a strict check.
//
// The check is our own because the framework's would turn "5" into 5 and drop what it does not know. Ours changes
// nothing, refuses unknown fields, and says which field is wrong and what it must be.
import { type Static, type TSchema, t } from 'elysia'
import { assert, BrokerError } from '#base'
import { suggest } from '#broker'

export { type Static, type TSchema, t }
export type TObject = ReturnType<typeof t.Object>

type Note = { readonly description?: string }

/** A whole number that JSON and JavaScript agree on. */
export const integer = (minimum: number, maximum: number = Number.MAX_SAFE_INTEGER, note: Note = {}) =>
  t.Unsafe<number>({ type: 'integer', minimum, maximum, ...note })

export const nullable = <T extends TSchema>(schema: T) =>
  t.Unsafe<Static<T> | null>({ ...schema, nullable: true })

export const oneOf = <const T extends readonly string[]>(values: T, note: Note = {}) =>
  t.Unsafe<T[number]>({ type: 'string', enum: values, ...note })

/** A named model of `models.ts`. */
export const named = <T>(name: string) => t.Unsafe<T>({ $ref: `#/components/schemas/${name}` })

export const list = <T extends TSchema>(schema: T, options: { minItems?: number; maxItems?: number } = {}) =>
  t.Array(schema, options)

/** An object of texts under any names. */
export const texts = (note: Note = {}) =>
  t.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' }, ...note })

/** An object with exactly these fields. */
export const exactly = <T extends Parameters<typeof t.Object>[0]>(fields: T, note: Note = {}) =>
  t.Object(fields, { additionalProperties: false, ...note })

/** The part of JSON Schema that our schemas use. */
type Shape = {
  readonly type?: string
  readonly nullable?: boolean
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: Shape
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Shape
  readonly $ref?: string
}

/** Models that `$ref` may name; bodies use none. */
export type Models = Readonly<Record<string, TSchema>>

/** Throws `invalid_request` that names the field, unless `value` has the shape. */
export function checkShape<T extends TSchema>(schema: T, value: unknown, models: Models = {}): Static<T> {
  const wrong = findWrong(schema as Shape, value, { path: '', models })
  if (wrong === null) return value as Static<T>
  throw new BrokerError(
    'invalid_request',
    `${wrong.path === '' ? 'the body' : `"${wrong.path}"`} ${wrong.why}`,
    {
      ...(wrong.fix === undefined ? {} : { fix: wrong.fix }),
      ...(wrong.path === '' ? {} : { details: { field: wrong.path } }),
    },
  )
}

type Wrong = { readonly path: string; readonly why: string; readonly fix?: string }
type Place = { readonly path: string; readonly models: Models }

function findWrong(shape: Shape, value: unknown, place: Place): Wrong | null {
  if (shape.$ref !== undefined) {
    const model = place.models[shape.$ref.slice(shape.$ref.lastIndexOf('/') + 1)]
    assert(model, `the model ${shape.$ref} exists`)
    return findWrong(model as Shape, value, place)
  }
  if (value === null && shape.nullable) return null
  if (!fits(shape, value)) return { path: place.path, why: `must be ${describe(shape)}, not ${show(value)}` }
  if (shape.type === 'array') return findWrongItem(shape, value as unknown[], place)
  if (shape.type === 'object') return findWrongField(shape, value as Record<string, unknown>, place)
  return null
}

function findWrongItem(shape: Shape, items: readonly unknown[], place: Place): Wrong | null {
  for (const [index, item] of items.entries()) {
    const wrong = findWrong(shape.items ?? {}, item, { ...place, path: `${place.path}[${index}]` })
    if (wrong !== null) return wrong
  }
  return null
}

function findWrongField(shape: Shape, fields: Record<string, unknown>, place: Place): Wrong | null {
  const properties = shape.properties ?? {}
  const below = (name: string) => ({ ...place, path: place.path === '' ? name : `${place.path}.${name}` })
  for (const name of shape.required ?? []) {
    if (!Object.hasOwn(fields, name)) return { path: below(name).path, why: 'is missing' }
  }
  for (const [name, value] of Object.entries(fields)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : shape.additionalProperties
    if (known === false) {
      return { path: below(name).path, why: 'is not a field here', fix: suggestField(name, properties) }
    }
    if (known === undefined || known === true) continue
    const wrong = findWrong(known, value, below(name))
    if (wrong !== null) return wrong
  }
  return null
}

function suggestField(name: string, properties: Readonly<Record<string, Shape>>): string {
  const known = Object.keys(properties)
  const near = suggest(name, known)
  return near === undefined ? `fields are ${known.join(', ')}` : `did you mean "${near}"?`
}

function fits(shape: Shape, value: unknown): boolean {
  if (shape.enum !== undefined) return shape.enum.includes(value)
  switch (shape.type) {
    case undefined:
      return true
    case 'integer':
      return Number.isSafeInteger(value) && within(value as number, shape)
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) && within(value, shape)
    case 'string':
      return (
        typeof value === 'string' &&
        value.length >= (shape.minLength ?? 0) &&
        value.length <= (shape.maxLength ?? Number.POSITIVE_INFINITY)
      )
    case 'boolean':
      return typeof value === 'boolean'
    case 'array':
      return (
        Array.isArray(value) &&
        value.length >= (shape.minItems ?? 0) &&
        value.length <= (shape.maxItems ?? Number.POSITIVE_INFINITY)
      )
    default:
      assert(shape.type === 'object', `the check knows the type ${shape.type}`)
      return typeof value === 'object' && value !== null && !Array.isArray(value)
  }
}

const within = (value: number, shape: Shape) =>
  value >= (shape.minimum ?? Number.NEGATIVE_INFINITY) && value <= (shape.maximum ?? Number.POSITIVE_INFINITY)

/** `'a whole number from 1 to 1000, or null'`. */
export function describe(schema: TSchema | Shape): string {
  const shape = schema as Shape
  const orNull = shape.nullable ? ', or null' : ''
  if (shape.enum !== undefined)
    return `one of ${shape.enum.map((one) => JSON.stringify(one)).join(', ')}${orNull}`
  switch (shape.type) {
    case 'integer':
      return `a whole number${describeRange(shape)}${orNull}`
    case 'number':
      return `a number${describeRange(shape)}${orNull}`
    case 'string':
      return `${shape.minLength ? 'a text that is not empty' : 'a text'}${orNull}`
    case 'boolean':
      return `true or false${orNull}`
    case 'array':
      return `a list${shape.minItems ? ` with at least ${shape.minItems}` : ''}${orNull}`
    default:
      return `an object${orNull}`
  }
}

function describeRange(shape: Shape): string {
  const { minimum, maximum } = shape
  const open = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
  if (minimum === undefined) return open ? '' : ` up to ${maximum}`
  return open ? ` from ${minimum}` : ` from ${minimum} to ${maximum}`
}

/** What was given, short enough for a sentence. */
function show(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
