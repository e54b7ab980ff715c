// Runs one command in this process against a fake node.
import { run } from '../../src/cli/run.ts'
import type { FakeNode } from './fake-node.ts'
import { type FakeOptions, FakeTerminal } from './fake-terminal.ts'

export type Outcome = { code: number; out: string; err: string; terminal: FakeTerminal }

/** `runLine(node, 'topic list -o json')`: words are split at spaces. */
export async function runLine(
  node: FakeNode,
  line: string,
  options: Omit<FakeOptions, 'words'> = {},
): Promise<Outcome> {
  const terminal = terminalFor(node, line, options)
  const code = await run(terminal)
  return { code, out: terminal.stdout, err: terminal.stderr, terminal }
}

export function terminalFor(
  node: FakeNode,
  line: string,
  options: Omit<FakeOptions, 'words'> = {},
): FakeTerminal {
  const environment = { PSPF_URL: node.url, ...options.environment }
  return new FakeTerminal({ ...options, words: line.split(' ').filter(Boolean), environment })
}
