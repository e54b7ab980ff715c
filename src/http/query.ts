// Query parameters: each is known, given once, and of its type. `?limit=ten` and `?limt=10` are refused, not ignored.
import { BrokerError } from '#base'
import { suggest } from '#broker'
import { describe, type Static, type TObject } from './shape.ts'

type Parameter = {
  readonly type: string
  /** 0: may be empty, which else is taken for a mistake. */
  readonly minLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly string[]
}

const none: Record<string, never> = {}

/** `parseQuery(schema, 'http://h/p?limit=10') -> {limit: 10}`. Absent parameters stay absent. */
export function parseQuery<T extends TObject>(schema: T | undefined, url: string): Static<T> {
  const mark = url.indexOf('?')
  if (mark < 0 || mark === url.length - 1) return none as Static<T>
  const parameters = (schema?.properties ?? none) as unknown as Record<string, Parameter>
  const found: Record<string, unknown> = {}
  for (const [name, text] of new URLSearchParams(url.slice(mark + 1))) {
    const parameter = Object.hasOwn(parameters, name)
      ? parameters[name]!
      : unknown(name, Object.keys(parameters))
    if (Object.hasOwn(found, name)) {
      throw new BrokerError('invalid_request', `query parameter "${name}" is given twice`, {
        details: { parameter: name },
      })
    }
    found[name] = parse(parameter, name, text)
  }
  return found as Static<T>
}

function parse(parameter: Parameter, name: string, text: string): unknown {
  if (parameter.enum?.includes(text)) return text
  if (
    parameter.type === 'string' &&
    parameter.enum === undefined &&
    (text !== '' || parameter.minLength === 0)
  )
    return text
  if (parameter.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (parameter.type === 'integer' && /^-?\d{1,16}$/.test(text)) {
    const value = Number(text)
    if (value >= parameter.minimum! && value <= parameter.maximum!) return value
  }
  const isText = parameter.type === 'string' && parameter.enum === undefined
  const wanted = isText ? 'a text that is not empty' : describe(parameter)
  throw new BrokerError(
    'invalid_request',
    `query parameter "${name}" must be ${wanted}, not "${text.slice(0, 60)}"`,
    {
      details: { parameter: name },
    },
  )
}

function unknown(name: string, known: readonly string[]): never {
  const near = suggest(name, known)
  const fix =
    near !== undefined
      ? `did you mean "${near}"?`
      : known.length === 0
        ? 'this route takes no query parameters'
        : `parameters are ${known.join(', ')}`
  throw new BrokerError('invalid_request', `query parameter "${name.slice(0, 60)}" is not known here`, {
    fix,
    details: { parameter: name.slice(0, 60) },
  })
}
