// `--set name=value` of topics: what users write, and what the API takes.
import { BrokerError, parseDuration, parseSize } from '#base'
import { nearest } from '../nearest.ts'
import { UsageError } from '../usage-error.ts'

type Setting = { readonly key: string; readonly help: string; read(text: string): unknown }

const unlimited = (text: string) => text === 'forever' || text === 'unlimited'

/** Both our short names and the API's own are understood. */
const settings: Readonly<Record<string, Setting>> = {
  retention: {
    key: 'retentionMs',
    help: 'retention=7d or forever',
    read: (text) => (unlimited(text) ? null : parseDuration(text)),
  },
  'retention-bytes': {
    key: 'retentionBytes',
    help: 'retention-bytes=10GB or unlimited',
    read: (text) => (unlimited(text) ? null : parseSize(text)),
  },
  compression: { key: 'compression', help: 'compression=none, gzip or zstd', read: (text) => text },
}

export const settingHelp = Object.values(settings)
  .map(({ help }) => help)
  .join('; ')

export const settingNames = Object.keys(settings)

/** `['retention=7d', 'compression=zstd'] -> { retentionMs: 604800000, compression: 'zstd' }`. Throws `UsageError`. */
export function readTopicSettings(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(readSetting))
}

function readSetting(pair: string): [string, unknown] {
  const equals = pair.indexOf('=')
  if (equals < 1)
    throw new UsageError(
      `--set ${pair}: it must be name=value`,
      `for example --set ${settingHelp.split(' ')[0]}`,
    )
  const name = pair.slice(0, equals)
  const value = pair.slice(equals + 1)
  const setting = settings[name] ?? Object.values(settings).find(({ key }) => key === name)
  if (!setting) {
    const meant = nearest(name, settingNames)
    throw new UsageError(`--set: unknown setting "${name}"`, meant ? `did you mean ${meant}` : settingHelp)
  }
  try {
    return [setting.key, setting.read(value)]
  } catch (thrown) {
    if (!(thrown instanceof BrokerError)) throw thrown
    throw new UsageError(`--set ${name}: ${thrown.message}`, setting.help)
  }
}
