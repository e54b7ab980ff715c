// The settings of a node: one table names each flag, its environment twin, its key in pspf.yaml and its default.
// Precedence: flag > environment > file > default. This file and the cli are the only readers of the environment.
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { BrokerError, type LogLevel, systemCode } from '#base'
import { isLoopback } from '#http'
import { type DiskMax, diskMaxForm, parseDiskMax } from './disk-max.ts'
import { memoryMaxForm, parseMemoryMax } from './memory-max.ts'
import type { Share } from './share.ts'

export type SettingSpec = {
  /** Without dashes; the key in pspf.yaml is the same name. */
  readonly flag: string
  /** How the value is shown in help; null for a switch. */
  readonly value: string | null
  readonly env: string
  readonly fallback: string | null
  readonly help: string
}

/** Every setting of `pspf serve`. The CLI builds its flags and help from this table. */
export const serveSettings = [
  {
    flag: 'data-dir',
    value: 'DIR',
    env: 'PSPF_DATA_DIR',
    fallback: './pspf-data',
    help: 'where everything is kept',
  },
  {
    flag: 'disk-max',
    value: 'SIZE',
    env: 'PSPF_DISK_MAX',
    fallback: '80%',
    help: 'most the log may have: 50GB, 80% of the volume, or off; near it the oldest records go before their time',
  },
  {
    flag: 'memory',
    value: 'SIZE',
    env: 'PSPF_MEMORY',
    fallback: '50%',
    help: "most memory that one app's process may have: 512MB, 50% of the machine's, or off; above it the app starts again",
  },
  {
    flag: 'http',
    value: 'HOST:PORT',
    env: 'PSPF_HTTP',
    fallback: '127.0.0.1:7070',
    help: 'UI, REST and WebSocket address; off serves none',
  },
  {
    flag: 'config',
    value: 'FILE',
    env: 'PSPF_CONFIG',
    fallback: null,
    help: 'configuration file (default ./pspf.yaml, then /etc/pspf/pspf.yaml)',
  },
  {
    flag: 'demo',
    value: null,
    env: 'PSPF_DEMO',
    fallback: null,
    help: 'also run the two demo apps: this machine, and real flights',
  },
  { flag: 'open', value: null, env: 'PSPF_OPEN', fallback: null, help: 'open the UI in a browser' },
  {
    flag: 'token-file',
    value: 'FILE',
    env: 'PSPF_TOKEN_FILE',
    fallback: null,
    help: 'token that clients must present (or PSPF_TOKEN)',
  },
  {
    flag: 'log-level',
    value: 'LEVEL',
    env: 'PSPF_LOG_LEVEL',
    fallback: 'info',
    help: 'debug, info, warn or error',
  },
  {
    flag: 'log-format',
    value: 'FORMAT',
    env: 'PSPF_LOG_FORMAT',
    fallback: 'auto',
    help: 'auto, json or pretty',
  },
] as const satisfies readonly SettingSpec[]

export type SettingFlag = (typeof serveSettings)[number]['flag']

export type HttpAddress = { readonly host: string; readonly port: number }

export type Settings = {
  readonly dataDirectory: string
  readonly diskMax: DiskMax
  /** Of one app's process. */
  readonly memory: Share
  /** null: no HTTP listener. */
  readonly http: HttpAddress | null
  readonly demo: boolean
  readonly open: boolean
  readonly token: string | null
  readonly logLevel: LogLevel
  readonly logFormat: 'auto' | 'json' | 'pretty'
  /** Where each value came from: `flag`, `environment`, `file`, `default`. */
  readonly origins: Readonly<Record<string, string>>
}

export type SettingSources = {
  readonly flags: Readonly<Partial<Record<string, string | boolean>>>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingDirectory: string
}

/** Resolves all settings. Throws `invalid_request` that names the setting, where it came from and what is allowed. */
export function readSettings(sources: SettingSources): Settings {
  const file = readConfigurationFile(sources)
  const origins: Record<string, string> = {}
  const raw = (flag: SettingFlag): string | null => {
    const spec = serveSettings.find((one) => one.flag === flag)!
    const candidates: [string, string | boolean | undefined | null][] = [
      [`--${flag}`, sources.flags[flag]],
      [spec.env, sources.environment[spec.env]],
      [`${flag} in ${file.path}`, file.values[flag]],
      ['default', spec.fallback],
    ]
    const found = candidates.find(([, value]) => value !== undefined && value !== null && value !== '')
    if (!found) return null
    origins[flag] = found[0]
    return String(found[1])
  }
  const choice = <T extends string>(flag: SettingFlag, allowed: readonly T[]): T => {
    const value = raw(flag) as T
    if (allowed.includes(value)) return value
    throw invalid(origins[flag]!, value, `one of ${allowed.join(', ')}`)
  }
  const on = (flag: SettingFlag): boolean => {
    const value = raw(flag)
    if (value === null || value === 'false' || value === '0') return false
    if (value === 'true' || value === '1') return true
    throw invalid(origins[flag]!, value, 'true or false')
  }
  const diskMax = parseDiskMax(raw('disk-max')!)
  if (diskMax === undefined) throw invalid(origins['disk-max']!, raw('disk-max')!, diskMaxForm)
  const memory = parseMemoryMax(raw('memory')!)
  if (memory === undefined) throw invalid(origins['memory']!, raw('memory')!, memoryMaxForm)
  const http = parseAddress(raw('http')!, () => origins['http']!)
  const token = readToken(raw('token-file'), sources)
  return {
    dataDirectory: resolve(sources.workingDirectory, raw('data-dir')!),
    diskMax,
    memory,
    http,
    demo: on('demo'),
    open: on('open'),
    token: requireTokenBeyondLoopback(http, token),
    logLevel: choice('log-level', ['debug', 'info', 'warn', 'error', 'silent']),
    logFormat: choice('log-format', ['auto', 'json', 'pretty']),
    origins,
  }
}

function invalid(origin: string, value: string, allowed: string): BrokerError {
  return new BrokerError('invalid_request', `${origin}: "${value}" is not valid`, { fix: `use ${allowed}` })
}

/** `parseAddress('127.0.0.1:7070')`, `':7070'` (all interfaces), `'[::1]:7070'`, `'off'`. */
function parseAddress(text: string, origin: () => string): HttpAddress | null {
  if (text === 'off') return null
  const match = /^(\[[0-9a-fA-F:]+\]|[^:[\]]*):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (!match || port > 65_535) throw invalid(origin(), text, 'HOST:PORT, for example 127.0.0.1:7070, or off')
  return { host: match[1]!.replace(/^\[|\]$/g, '') || '0.0.0.0', port }
}

function requireTokenBeyondLoopback(http: HttpAddress | null, token: string | null): string | null {
  if (http && !isLoopback(http.host) && token === null) {
    throw new BrokerError(
      'invalid_request',
      `listening on ${http.host} without a token would let anyone in`,
      {
        fix: 'set one: PSPF_TOKEN="$(head -c 24 /dev/urandom | base64)" pspf serve ..., or --token-file FILE, or listen on 127.0.0.1',
      },
    )
  }
  return token
}

const tokenLengthMin = 16

function readToken(file: string | null, sources: SettingSources): string | null {
  const given = sources.environment['PSPF_TOKEN']
  const token =
    given || (file === null ? null : readText(resolve(sources.workingDirectory, file), 'token file').trim())
  if (token !== null && token.length < tokenLengthMin) {
    throw new BrokerError('invalid_request', `the token has ${token.length} characters`, {
      fix: `use at least ${tokenLengthMin}: head -c 24 /dev/urandom | base64`,
    })
  }
  return token
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new BrokerError(
      'invalid_request',
      `${what} ${path} cannot be read (${systemCode(error) ?? 'unknown error'})`,
      {
        fix: 'check the path and its permissions',
        cause: error,
      },
    )
  }
}

type ConfigurationFile = {
  readonly path: string
  readonly values: Readonly<Record<string, string | undefined>>
}

function readConfigurationFile({ flags, environment, workingDirectory }: SettingSources): ConfigurationFile {
  const named = flags['config'] ?? environment['PSPF_CONFIG']
  const path = named
    ? resolve(workingDirectory, String(named))
    : [join(workingDirectory, 'pspf.yaml'), '/etc/pspf/pspf.yaml'].find((candidate) => existsSync(candidate))
  if (!path) return { path: '', values: {} }
  return { path, values: parseConfiguration(path, readText(path, 'configuration file')) }
}

function parseConfiguration(path: string, text: string): Record<string, string> {
  let parsed: unknown
  try {
    parsed = Bun.YAML.parse(text)
  } catch (error) {
    throw new BrokerError('invalid_request', `${path} is not valid YAML: ${(error as Error).message}`, {
      fix: 'correct the file',
      cause: error,
    })
  }
  if (parsed === null || parsed === undefined) return {}
  if (typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new BrokerError('invalid_request', `${path} must hold "key: value" lines`, {
      fix: 'for example http: 127.0.0.1:7070',
    })
  }
  const known = serveSettings.map(({ flag }) => flag as string)
  for (const [key, value] of Object.entries(parsed)) {
    if (!known.includes(key)) {
      throw new BrokerError('invalid_request', `${path}: unknown key "${key}"`, {
        fix: `known keys: ${known.join(', ')}`,
      })
    }
    if (value !== null && typeof value === 'object')
      throw invalid(`${key} in ${path}`, JSON.stringify(value), 'one plain value')
  }
  return Object.fromEntries(
    Object.entries(parsed).map(([key, value]) => [key, String(value).replace(/^~(?=\/)/, homedir())]),
  )
}
