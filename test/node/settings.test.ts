import { describe, expect, test } from 'bun:test'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSettings } from '../../src/node/settings.ts'

const directory = () => mkdtempSync(join(tmpdir(), 'pspf-settings-'))
const read = (
  flags: Record<string, string | boolean> = {},
  environment: Record<string, string> = {},
  workingDirectory = directory(),
) => readSettings({ flags, environment, workingDirectory })
const fixOf = (action: () => unknown) => {
  try {
    action()
  } catch (error) {
    return `${(error as Error).message} | ${(error as { fix?: string }).fix}`
  }
  return 'no error'
}

describe('settings', () => {
  test('nothing needs to be configured', () => {
    const settings = read()
    expect(settings.http).toEqual({ host: '127.0.0.1', port: 7070 })
    expect(settings.dataDirectory).toEndWith('/pspf-data')
    expect(settings.demo).toBe(false)
  })

  test('a flag wins over the environment, which wins over the file, which wins over the default', () => {
    const folder = directory()
    writeFileSync(join(folder, 'pspf.yaml'), 'http: 127.0.0.1:1\nlog-level: warn\nlog-format: json\n')
    const settings = read(
      { http: '127.0.0.1:3' },
      { PSPF_HTTP: '127.0.0.1:2', PSPF_LOG_LEVEL: 'error' },
      folder,
    )
    expect(settings.http?.port).toBe(3)
    expect(settings.logLevel).toBe('error')
    expect(settings.logFormat).toBe('json')
    expect(settings.origins['log-level']).toBe('PSPF_LOG_LEVEL')
  })

  test('listening beyond loopback without a token is refused with the command that fixes it', () => {
    expect(fixOf(() => read({ http: '0.0.0.0:7070' }))).toContain('PSPF_TOKEN=')
    expect(fixOf(() => read({ http: ':7070' }))).toContain('PSPF_TOKEN=')
    expect(read({ http: '0.0.0.0:7070' }, { PSPF_TOKEN: 'a-long-enough-token' }).token).toBe(
      'a-long-enough-token',
    )
  })

  test('a token file is read and trimmed; a short token is refused', () => {
    const folder = directory()
    writeFileSync(join(folder, 'token'), 'sixteen-characters!\n')
    expect(read({ 'token-file': 'token' }, {}, folder).token).toBe('sixteen-characters!')
    expect(fixOf(() => read({}, { PSPF_TOKEN: 'short' }))).toContain('at least 16')
    expect(fixOf(() => read({ 'token-file': 'absent' }, {}, folder))).toContain('ENOENT')
  })

  test('bad values name their origin and what is allowed', () => {
    expect(fixOf(() => read({ http: 'nonsense' }))).toContain('--http: "nonsense"')
    expect(fixOf(() => read({ http: '127.0.0.1:99999' }))).toContain('HOST:PORT')
    expect(fixOf(() => read({}, { PSPF_LOG_LEVEL: 'loud' }))).toContain('PSPF_LOG_LEVEL')
    expect(fixOf(() => read({}, { PSPF_DEMO: 'maybe' }))).toContain('true or false')
  })

  test('an unknown key, a list or broken YAML in the file is refused', () => {
    const cases: [string, string][] = [
      ['httpp: 1\n', 'unknown key "httpp"'],
      ['- a\n', 'key: value'],
      ['http: [1, 2]\n', 'one plain value'],
      ['a: [', 'not valid YAML'],
    ]
    for (const [text, expected] of cases) {
      const folder = directory()
      writeFileSync(join(folder, 'pspf.yaml'), text)
      expect(fixOf(() => read({}, {}, folder))).toContain(expected)
    }
  })
})
