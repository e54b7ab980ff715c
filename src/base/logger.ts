// Structured logs: one JSON object a line, or pretty lines on a terminal. pino does the work, in process (its
// transports are workers that a compiled binary cannot find).
import pino from 'pino'

export type LogFields = Record<string, unknown>

/** The part of pino that pspf uses: fields first, then the sentence. Errors go under `err`. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  child(fields: LogFields): Logger
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export type LoggerOptions = {
  level: LogLevel
  /** `pretty` for people, `json` for machines. */
  format: 'json' | 'pretty'
  /** Receives whole lines, newline included. */
  write(line: string): void
  colour?: boolean
}

export function createLogger(options: LoggerOptions): Logger {
  const write =
    options.format === 'json'
      ? options.write
      : (line: string) => options.write(pretty(line, options.colour ?? false))
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err },
    },
    { write },
  )
}

/** For tests and tools that want silence. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
}

const colours: Record<string, string> = { debug: '90', info: '36', warn: '33', error: '31' }

function pretty(line: string, colour: boolean): string {
  const { time, level, msg, component, err, frame, ...rest } = JSON.parse(line) as Record<string, unknown>
  const paint = (code: string, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text)
  const fields = Object.entries(rest).map(
    ([key, value]) => `${neutral(key)}=${neutral(typeof value === 'string' ? value : JSON.stringify(value))}`,
  )
  const failure = err as { message?: string; stack?: string } | undefined
  const head = `${paint('90', String(time).slice(11, 23))} ${paint(colours[String(level)] ?? '0', String(level).padEnd(5))} ${component ? `${component}: ` : ''}${neutral(String(msg))}`
  const stack = failure ? `\n  ${neutralLines(String(failure.stack ?? failure.message))}` : ''
  const below = typeof frame === 'string' ? `\n  ${neutralLines(frame).replaceAll('\n', '\n  ')}` : ''
  return `${head}${fields.length ? ` ${paint('90', fields.join(' '))}` : ''}${below}${stack}\n`
}

/** Control characters and those that turn the direction of text: an app must not steer the terminal it is shown on. */
const steering = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** `neutral('a\u001b[1m') -> 'a\\x1b[1m'`. */
function neutral(text: string): string {
  return text.replace(steering, (character) => {
    const code = character.charCodeAt(0).toString(16)
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`
  })
}

/** Newlines and tabs stay. */
function neutralLines(text: string): string {
  return text
    .split(/([\n\t])/)
    .map((part) => (part === '\n' || part === '\t' ? part : neutral(part)))
    .join('')
}
