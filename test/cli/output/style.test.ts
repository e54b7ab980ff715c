import { expect, test } from 'bun:test'
import { noPaint, paintFor } from '../../../src/cli/output/style.ts'
import { FakeTerminal } from '../fake-terminal.ts'

const coloured = (environment: Record<string, string>, isTerminal: boolean, when?: string) =>
  paintFor(new FakeTerminal({ environment }), isTerminal, when) !== noPaint

test.each([
  ['a terminal', {}, true, undefined, true],
  ['a pipe', {}, false, undefined, false],
  ['NO_COLOR', { NO_COLOR: '1' }, true, undefined, false],
  ['TERM=dumb', { TERM: 'dumb' }, true, undefined, false],
  ['FORCE_COLOR in a pipe', { FORCE_COLOR: '1' }, false, undefined, true],
  ['FORCE_COLOR=0', { FORCE_COLOR: '0' }, false, undefined, false],
  ['--color never', { FORCE_COLOR: '1' }, true, 'never', false],
  ['--color always', { NO_COLOR: '1' }, false, 'always', true],
])('%s decides about colour', (_what, environment, isTerminal, when, expected) => {
  expect(coloured(environment as Record<string, string>, isTerminal, when)).toBe(expected)
})
