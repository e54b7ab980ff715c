import { describe, expect, test } from 'bun:test'
import { createLogger } from '../../src/base/logger.ts'

const lines = (format: 'json' | 'pretty', level: 'debug' | 'warn' = 'debug') => {
  const written: string[] = []
  return { written, logger: createLogger({ level, format, write: (line) => written.push(line) }) }
}

describe('logger', () => {
  test('a JSON line holds ISO time, level, message, component and the error with its stack', () => {
    const { written, logger } = lines('json')
    logger.child({ component: 'log' }).error({ err: new Error('no space'), topic: 't' }, 'append refused')
    const line = JSON.parse(written[0]!)
    expect(line).toMatchObject({
      level: 'error',
      msg: 'append refused',
      component: 'log',
      topic: 't',
      err: { type: 'Error', message: 'no space' },
    })
    expect(line.err.stack).toContain('logger.test.ts')
    expect(new Date(line.time).toISOString()).toBe(line.time)
  })

  test('a pretty line is for people', () => {
    const { written, logger } = lines('pretty')
    logger.info({ component: 'node', port: 7070, name: 'x' }, 'listening')
    expect(written[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}node: listening port=7070 name=x\n$/)
  })

  test('a pretty line shows control characters as numbers, whatever an app prints', () => {
    const { written, logger } = lines('pretty')
    const err = new Error('bell\x07')
    err.stack = 'Error: bell\x07\n\tat here'
    logger.warn(
      { na: 'x\r\x9b1m', err, frame: '> 1 | \x1b]0;t' },
      'red \x1b[31m\n12:00 forged \u202egnp.exe\u2066',
    )
    expect(written[0]!.slice(13)).toBe(
      'warn  red \\x1b[31m\\x0a12:00 forged \\u202egnp.exe\\u2066 na=x\\x0d\\x9b1m\n' +
        '  > 1 | \\x1b]0;t\n  Error: bell\\x07\n\tat here\n',
    )
  })

  test('a frame stands below its message, line by line', () => {
    const { written, logger } = lines('pretty')
    logger.warn({ app: 'shop', frame: '> 1 | a\n    | ^' }, 'app failed')
    expect(written[0]!.slice(13)).toBe('warn  app failed app=shop\n  > 1 | a\n      | ^\n')
  })

  test('lines below the level are not written', () => {
    const { written, logger } = lines('json', 'warn')
    logger.info({}, 'quiet')
    logger.warn({}, 'loud')
    expect(written.length).toBe(1)
  })
})
