// Flags that every command takes.
import type { Flag } from './command.ts'

export const formats = ['table', 'wide', 'json', 'jsonl', 'yaml', 'csv', 'name'] as const
export type Format = (typeof formats)[number]

export const globalFlags: readonly Flag[] = [
  { name: 'url', value: 'URL', env: 'PSPF_URL', fallback: 'http://127.0.0.1:7070', help: 'node to talk to' },
  {
    name: 'token-file',
    value: 'FILE',
    env: 'PSPF_TOKEN_FILE',
    completes: 'file',
    help: 'file with the access token (or PSPF_TOKEN)',
  },
  {
    name: 'output',
    short: 'o',
    value: 'FORMAT',
    choices: formats,
    help: `output format: ${formats.join(', ')}`,
  },
  { name: 'fields', value: 'A,B', help: 'only these fields, in this order' },
  { name: 'no-headers', help: 'leave out the header line of tables and csv' },
  { name: 'quiet', short: 'q', help: 'no progress and no notes on stderr' },
  { name: 'no-input', help: 'never ask; fail where a question would be needed' },
  {
    name: 'color',
    value: 'WHEN',
    choices: ['auto', 'always', 'never'],
    fallback: 'auto',
    help: 'auto, always or never',
  },
  { name: 'timeout', value: 'DURATION', fallback: '30s', help: 'longest wait for an answer' },
  { name: 'help', short: 'h', help: 'show help for the command' },
]

/** A command's own flags first; one of the same name replaces the global one. */
export function flagsOf(own: readonly Flag[] | undefined): readonly Flag[] {
  const names = new Set(own?.map((flag) => flag.name))
  return [...(own ?? []), ...globalFlags.filter((flag) => !names.has(flag.name))]
}
