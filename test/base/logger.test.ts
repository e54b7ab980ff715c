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

  test('lines below the level are not written', () => {
    const { written, logger } = lines('json', 'warn')
    logger.info({}, 'quiet')
    logger.warn({}, 'loud')
    expect(written.length).toBe(1)
  })
})
