// Standard Schema, version 1: the one interface behind which zod, valibot, arktype and our own `s` look the same.
// Only its shape is needed here; any value that has it is accepted.
import { BrokerError } from '#base'

export type SchemaIssue = {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** The type of the values that a schema lets pass. */
export type Infer<S extends StandardSchema<unknown, unknown>> = NonNullable<S['~standard']['types']>['output']

/** Answers what passes (the very same value, for our own schemas), or throws `SchemaMismatch`. */
export type Validator = (value: unknown) => unknown

/** A value that its schema refuses. `message` names the first field that is wrong. */
export class SchemaMismatch extends Error {
  override readonly name = 'SchemaMismatch'
}

/** Our own schemas answer yes or no without building a result. */
type FastSchema = { readonly test: (value: unknown) => boolean }

export function validatorOf(schema: StandardSchema<unknown, unknown>): Validator {
  const standard = schema['~standard']
  const test = (schema as Partial<FastSchema>).test
  const slow: Validator = (value) => {
    const result = standard.validate(value)
    if (result instanceof Promise) {
      result.catch(() => undefined) // The refusal below is the answer; its own outcome no longer matters.
      throw new BrokerError('invalid_request', 'a schema of a topic must validate synchronously', {
        fix: 'remove its asynchronous checks, or make them in the app',
      })
    }
    if (result.issues === undefined) return result.value
    throw new SchemaMismatch(describeIssue(result.issues[0]))
  }
  return standard.vendor === 'pspf' && typeof test === 'function'
    ? (value) => (test(value) ? value : slow(value))
    : slow
}

/** `fare: expected a number, got "5"` */
export function describeIssue(issue: SchemaIssue | undefined): string {
  if (issue === undefined) return 'the value does not match its schema'
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  return path === '' ? issue.message : `${path}: ${issue.message}`
}
