// `s`: the small built-in schema library. A schema says yes or no to a value as it is; it never converts, trims or
// fills in. Fields that a schema does not name are allowed and kept.
import type { SchemaIssue, SchemaResult, StandardSchema } from './standard-schema.ts'

export interface Schema<T> extends StandardSchema<T, T> {
  /** For error messages: `a string`. */
  readonly expects: string
  readonly test: (value: unknown) => boolean
  /** The first thing wrong with a value that `test` refused. */
  readonly explain: (value: unknown) => SchemaIssue
}

export interface OptionalSchema<T> extends Schema<T | undefined> {
  readonly optional: true
}

type Fields = Readonly<Record<string, Schema<unknown>>>
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends OptionalSchema<unknown> ? K : never
}[keyof F]
type Value<S> = S extends Schema<infer T> ? T : never
type Flat<T> = { [K in keyof T]: T[K] }
export type ObjectOf<F extends Fields> = Flat<
  { [K in Exclude<keyof F, OptionalKeys<F>>]: Value<F[K]> } & {
    [K in OptionalKeys<F>]?: Exclude<Value<F[K]>, undefined>
  }
>

type Definition = {
  readonly expects: string
  readonly test: (value: unknown) => boolean
  readonly explain?: (value: unknown) => SchemaIssue
}

function schemaOf<T>(definition: Definition): Schema<T> {
  const { expects, test } = definition
  const explain = definition.explain ?? ((value) => ({ message: `expected ${expects}, got ${shown(value)}` }))
  return {
    expects,
    test,
    explain,
    '~standard': {
      version: 1,
      vendor: 'pspf',
      validate: (value): SchemaResult<T> =>
        test(value) ? { value: value as T } : { issues: [explain(value)] },
    },
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function object<F extends Fields>(fields: F): Schema<ObjectOf<F>> {
  const names = Object.keys(fields)
  const tests = names.map((name) => fields[name]!.test)
  return schemaOf({
    expects: 'an object',
    test: (value) => {
      if (!isObject(value)) return false
      for (let index = 0; index < names.length; index++) {
        if (!tests[index]!(value[names[index]!])) return false
      }
      return true
    },
    explain: (value) => {
      if (!isObject(value)) return { message: `expected an object, got ${shown(value)}` }
      const wrong = names.find((name) => !fields[name]!.test(value[name]))!
      return beneath(wrong, fields[wrong]!.explain(value[wrong]))
    },
  })
}

function array<T>(of: Schema<T>): Schema<T[]> {
  return schemaOf({
    expects: `an array of ${of.expects}`,
    test: (value) => Array.isArray(value) && value.every(of.test),
    explain: (value) => {
      if (!Array.isArray(value)) return { message: `expected an array, got ${shown(value)}` }
      const wrong = value.findIndex((item) => !of.test(item))
      return beneath(wrong, of.explain(value[wrong]))
    },
  })
}

function record<T>(of: Schema<T>): Schema<Record<string, T>> {
  return schemaOf({
    expects: `an object whose fields are each ${of.expects}`,
    test: (value) => isObject(value) && Object.values(value).every(of.test),
    explain: (value) => {
      if (!isObject(value)) return { message: `expected an object, got ${shown(value)}` }
      const [name, wrong] = Object.entries(value).find(([, item]) => !of.test(item))!
      return beneath(name, of.explain(wrong))
    },
  })
}

function optional<T>(of: Schema<T>): OptionalSchema<T> {
  const schema = schemaOf<T | undefined>({
    expects: `${of.expects}, or nothing`,
    test: (value) => value === undefined || of.test(value),
    explain: of.explain,
  })
  return { ...schema, optional: true }
}

function nullable<T>(of: Schema<T>): Schema<T | null> {
  return schemaOf({
    expects: `${of.expects}, or null`,
    test: (value) => value === null || of.test(value),
    explain: of.explain,
  })
}

function union<const S extends readonly Schema<unknown>[]>(...members: S): Schema<Value<S[number]>> {
  return schemaOf({
    expects: members.map(({ expects }) => expects).join(' or '),
    test: (value) => members.some(({ test }) => test(value)),
  })
}

function literal<const T extends readonly (string | number | boolean | null)[]>(
  ...values: T
): Schema<T[number]> {
  const allowed = new Set<unknown>(values)
  return schemaOf({
    expects: values.map((value) => JSON.stringify(value)).join(' or '),
    test: (value) => allowed.has(value),
  })
}

function beneath(key: PropertyKey, issue: SchemaIssue): SchemaIssue {
  return { message: issue.message, path: [key, ...(issue.path ?? [])] }
}

/** `"5"`, `an object`, `nothing`: short, so that a whole document never ends up in a log line. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/**
 * @example const Ride = s.object({ driver: s.string(), fare: s.number(), at: s.timestamp(), tip: s.optional(s.number()) })
 * @example type Ride = Infer<typeof Ride>
 */
export const s = {
  string: (): Schema<string> => schemaOf({ expects: 'a string', test: (value) => typeof value === 'string' }),
  /** Finite: JSON knows no other. */
  number: (): Schema<number> => schemaOf({ expects: 'a number', test: (value) => Number.isFinite(value) }),
  int: (): Schema<number> =>
    schemaOf({ expects: 'a whole number', test: (value) => Number.isSafeInteger(value) }),
  boolean: (): Schema<boolean> =>
    schemaOf({ expects: 'a boolean', test: (value) => typeof value === 'boolean' }),
  /** Whole milliseconds since 1970 UTC; negative before. */
  timestamp: (): Schema<number> =>
    schemaOf({ expects: 'a time in whole milliseconds', test: (value) => Number.isSafeInteger(value) }),
  unknown: (): Schema<unknown> => schemaOf({ expects: 'anything', test: () => true }),
  object,
  array,
  record,
  optional,
  nullable,
  union,
  literal,
  /** One of these texts. */
  enum: <const T extends readonly string[]>(values: T): Schema<T[number]> => literal(...values),
}
