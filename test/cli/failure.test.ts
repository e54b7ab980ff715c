import { expect, test } from 'bun:test'
import { BrokerError } from '#base'
import { exitCodeFor } from '../../src/cli/exit-codes.ts'
import { describeFailure } from '../../src/cli/failure.ts'
import { noPaint } from '../../src/cli/output/style.ts'
import { ClosedPipe, Interrupted } from '../../src/cli/terminal.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

const text = (thrown: unknown) => describeFailure(thrown, { json: false, paint: noPaint })

test('one line says what, how to fix it, and the code', () => {
  const error = new BrokerError('conflict', 'port 7070 is in use', { fix: 'choose another with --http' })
  expect(text(error)).toBe('error: port 7070 is in use | fix: choose another with --http [conflict]\n')
  expect(text(new UsageError('no', 'yes'))).toBe('error: no | fix: yes [usage]\n')
})

test('a code frame follows where there is one', () => {
  const error = new BrokerError('app_failed', 'app.ts:3: no', { details: { frame: '> 3 | x' } })
  expect(text(error)).toBe('error: app.ts:3: no [app_failed]\n> 3 | x\n')
})

test('a bug of ours comes with its place', () => {
  expect(text(new TypeError('undefined is not a function'))).toContain('failure.test.ts')
})

test("a failure's words cannot move the cursor", () => {
  expect(text(new BrokerError('not_found', 'topic "\u001b[2J" is gone'))).toContain('\\u001b[2J')
})

test('a closed pipe and Ctrl-C say nothing', () => {
  expect([text(new ClosedPipe('x')), exitCodeFor(new ClosedPipe('x'))]).toEqual(['', 0])
  expect([text(new Interrupted('x')), exitCodeFor(new Interrupted('x'))]).toEqual(['', 130])
})
