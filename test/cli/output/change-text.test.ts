import { expect, test } from 'bun:test'
import type { AppChange } from '../../../src/cli/answers.ts'
import { changeText } from '../../../src/cli/output/change-text.ts'
import { Output } from '../../../src/cli/output/output.ts'
import { noPaint } from '../../../src/cli/output/style.ts'
import { FakeTerminal } from '../fake-terminal.ts'

const output = new Output({
  terminal: new FakeTerminal(),
  format: 'table',
  fields: undefined,
  headers: true,
  paint: noPaint,
})

function told(what: 'rebuilt' | 'refused'): string {
  const node = { name: 'sums', kind: 'window', label: 'tumbling 5m', what, why: 'it was 1m', from: [] }
  const change = { app: 'shop', nodes: [node], outputs: [{ topic: 'rows', what: 'kept', again: 7 }] }
  return changeText(change as unknown as AppChange, output)
}

test('a topic is written anew by what is rebuilt, and not by what is refused', () => {
  expect(told('rebuilt')).toContain('writes rows anew, behind the 7 records that it has')
  expect(told('refused')).toContain('refuses')
  expect(told('refused')).not.toContain('anew')
})
