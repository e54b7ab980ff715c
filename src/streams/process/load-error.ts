// Turns whatever an app's file threw, while it was loaded or while it ran, into a sentence with file, line and column,
// and the lines around it. The runtime tells these apart by class and message only, so this file knows their shapes.
import { dirname, join, relative, resolve, sep } from 'node:path'
import { BrokerError, type Disk, systemCode, toError } from '#base'
import { didYouMean, suggest } from '#broker'
import { codeFrame, formatPlace, placeAt, type SourcePlace } from './code-frame.ts'
import type { Failure } from './failure.ts'
import { findMissingExport, readSource } from './import-search.ts'

export type LoadErrorContext = {
  /** The app's file, absolute. */
  readonly file: string
  /** Paths below it are shown relative to it: where the user called pspf. */
  readonly directory: string
  readonly disk: Disk
  /** What an app can import without installing anything. */
  readonly modules: Readonly<Record<string, object>>
}

type Finding = { readonly text: string; readonly place?: SourcePlace | undefined }

/** An error can be its own cause: no further down the chain than this. */
const causesMax = 10

const inExecutable = /\$bunfs|~BUN/
/** Where pspf itself lies when it runs from source. */
const ownSource = inExecutable.test(import.meta.dir) ? null : resolve(import.meta.dir, '../..') + sep
/** Frames of pspf, as opposed to the user's. */
const isOwn = (path: string) => inExecutable.test(path) || (ownSource !== null && path.startsWith(ownSource))

/** `apps/shop.ts:7:10: TypeError: null is not an object`, and the lines around it. */
export function describeError(thrown: unknown, context: LoadErrorContext): Failure {
  const failure = describePlace(thrown, context)
  return isRetriable(thrown) ? { ...failure, retriable: true } : failure
}

/** Whether the node's refusal is below it all, however often it was wrapped on its way. */
function isRetriable(thrown: unknown): boolean {
  let error = thrown
  for (let depth = 0; error instanceof Error && depth < causesMax; depth++) {
    if (error instanceof BrokerError && error.retriable) return true
    error = error.cause
  }
  return false
}

function describePlace(thrown: unknown, context: LoadErrorContext): Failure {
  const { text, place } = explain(thrown, context)
  const path = relative(context.directory, place?.file ?? context.file)
  const shown = path.startsWith('..') ? (place?.file ?? context.file) : path
  if (place === undefined) return { message: `${shown}: ${text}` }
  const message = `${formatPlace({ ...place, file: shown })}: ${text}`
  const source = readSource(context.disk, place.file)
  return source === null ? { message } : { message, frame: codeFrame(source, place) }
}

function explain(thrown: unknown, context: LoadErrorContext): Finding {
  if (!isObject(thrown)) return { text: `the app threw ${JSON.stringify(thrown)} instead of an Error` }
  const several = thrown['errors']
  if (thrown instanceof AggregateError && Array.isArray(several) && several.length > 0) {
    const first = explain(several[0], context)
    return several.length === 1 ? first : { ...first, text: `${first.text} (and ${several.length - 1} more)` }
  }
  return (
    explainSyntax(thrown) ??
    explainUnresolved(thrown, context) ??
    explainMissingExport(thrown, context) ??
    explainThrown(toError(thrown), context)
  )
}

/** Syntax errors carry their position. */
function explainSyntax(thrown: Shape): Finding | undefined {
  const position = thrown['position']
  if (!isObject(position) || typeof position['file'] !== 'string') return undefined
  const [file, line, column] = [position['file'], Number(position['line']), Number(position['column'])]
  return { text: `syntax error: ${String(thrown['message'])}`, place: { file, line, column } }
}

/** An import that leads nowhere: a package that is not installed, a file that is not there. */
function explainUnresolved(thrown: Shape, context: LoadErrorContext): Finding | undefined {
  const { specifier, referrer } = thrown
  if (typeof specifier !== 'string' || typeof referrer !== 'string') return undefined
  if (resolve(specifier) === context.file && isOwn(referrer)) {
    return { text: 'there is no such app file' }
  }
  const source = readSource(context.disk, referrer)
  const index = source?.search(new RegExp(`['"\`]${RegExp.escape(specifier)}['"\`]`)) ?? -1
  const place = source === null || index < 0 ? undefined : placeAt(referrer, source, index)
  return { text: unresolvedText(specifier, referrer, context), place }
}

function unresolvedText(specifier: string, referrer: string, context: LoadErrorContext): string {
  if (/^[./]/.test(specifier)) {
    const wanted = resolve(dirname(referrer), specifier)
    const beside = suggest(
      wanted,
      context.disk.list(dirname(wanted)).map((name) => join(dirname(wanted), name)),
    )
    if (beside === undefined) return `cannot find the file "${specifier}"`
    const path = relative(dirname(referrer), beside).replaceAll(sep, '/')
    return `cannot find the file "${specifier}"; did you mean "${path.startsWith('.') ? path : `./${path}`}"?`
  }
  if (specifier === 'pspf' || specifier.startsWith('pspf/')) {
    const known = Object.keys(context.modules).map((name) => `"${name}"`)
    return `cannot find "${specifier}"; an app can import ${known.join(' and ')}`
  }
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  return `cannot find the package "${name}"; run "bun add ${name}" or "npm install ${name}" in the folder of the app file`
}

/** A name that a module does not export. The error says which module, not who asked for it: that is searched for. */
function explainMissingExport(thrown: Shape, context: LoadErrorContext): Finding | undefined {
  const message = String(thrown['message'])
  const match =
    /^Export named '(.+)' not found in module '(.+)'/.exec(message) ??
    /^Missing '(default)' export in module '(.+)'/.exec(message)
  if (!(thrown instanceof SyntaxError) || match === null) return undefined
  const [, name = '', module = ''] = match
  const { specifier, place, exported } = findMissingExport({ name, module, ...context })
  const text = `"${specifier ?? module}" has no export "${name}"${didYouMean(name, exported)}`
  return { text, place }
}

/** Anything thrown by code: the place is the top frame of the stack that is the user's. */
function explainThrown(error: Error, context: LoadErrorContext, depth = 0): Finding {
  const fix = error instanceof BrokerError && error.fix !== undefined ? `; ${error.fix}` : ''
  const name = error instanceof BrokerError || error.name === 'Error' ? '' : `${error.name}: `
  const code = systemCode(error)
  const text = `${name}${error.message || code || 'an error without a message'}${fix}`
  const frames = stackPlaces(error.stack ?? '').filter((frame) => !isOwn(frame.file))
  const isInstalled = (frame: SourcePlace) => frame.file.includes(`${sep}node_modules${sep}`)
  const place = frames.find((frame) => !isInstalled(frame)) ?? frames[0]
  const cause =
    error.cause instanceof Error && depth < causesMax
      ? explainThrown(error.cause, context, depth + 1)
      : undefined
  const isSaid =
    error.cause instanceof Error && error.cause.message !== '' && error.message.includes(error.cause.message)
  return {
    text: cause === undefined || isSaid ? text : `${text} (because: ${cause.text})`,
    // The cause lies nearer to the mistake than the error that wraps it.
    place: cause?.place ?? place,
  }
}

/** `    at deeper (/apps/shop.ts:7:10)` and `    at /apps/shop.ts:9:28`. */
function stackPlaces(stack: string): SourcePlace[] {
  const places: SourcePlace[] = []
  for (const line of stack.split('\n')) {
    const match = /^\s+at .*?((?:\/|[A-Za-z]:\\)[^()]*):(\d+):(\d+)\)?$/.exec(line)
    if (match) places.push({ file: match[1]!, line: Number(match[2]), column: Number(match[3]) })
  }
  return places
}

type Shape = Record<string, unknown>
const isObject = (value: unknown): value is Shape => typeof value === 'object' && value !== null
