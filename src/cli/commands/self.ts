// `version`, `help`, `completion`, and what a shell asks while somebody types.

import type { Call, Command } from '../command.ts'
import { candidatesFor } from '../completion/candidates.ts'
import { completionScript, shells } from '../completion/scripts.ts'
import { exitCode } from '../exit-codes.ts'
import { helpFor, tableAsData } from '../help.ts'
import type { View } from '../output/output.ts'

type Version = { version: string; runtime: string; platform: string }

const versionView: View<Version> = {
  name: (version) => version.version,
  columns: [
    { title: 'version', of: (version) => version.version },
    { title: 'runtime', of: (version) => version.runtime },
    { title: 'platform', of: (version) => version.platform },
  ],
}

async function version({ session }: Call): Promise<number> {
  const node = await import('#node')
  const facts: Version = {
    version: node.version,
    runtime: `bun ${Bun.version}`,
    platform: `${process.platform}-${process.arch}`,
  }
  if (session.output.forPeople)
    await session.output.text(`pspf ${facts.version} (${facts.runtime}, ${facts.platform})\n`)
  else await session.output.one(facts, versionView)
  return exitCode.success
}

async function completion({ session, argument }: Call): Promise<number> {
  await session.output.text(completionScript(argument('SHELL')))
  return exitCode.success
}

/** The commands about the command line itself need the whole table, so they are made with a way to reach it. */
export function selfCommands(table: () => readonly Command[]): readonly Command[] {
  const help = async ({ session, words }: Call) => {
    if (session.output.forPeople) await session.output.text(helpFor(table(), words, session.terminal))
    else await session.output.one(tableAsData(table()), { name: () => 'pspf', columns: [] })
    return exitCode.success
  }
  const complete = async ({ session, words }: Call) => {
    const candidates = await candidatesFor(table(), words, session)
    await session.output.text(candidates.map((line) => `${line}\n`).join(''))
    return exitCode.success
  }
  return [
    {
      path: ['version'],
      summary: 'print the version',
      effect: 'read-only',
      examples: ['version', 'version -o json'],
      run: version,
    },
    {
      path: ['help'],
      summary: 'explain pspf, a group or a command',
      effect: 'read-only',
      arguments: [
        { name: 'COMMAND', help: 'words of the command', optional: true, many: true, completes: 'command' },
      ],
      examples: ['help', 'help topic create', 'help -o json'],
      run: help,
    },
    ...[
      { path: ['completion'], summary: 'print completions for a shell' },
      { path: ['ctl', 'completion'], summary: 'the same as completion' },
    ].map(
      (names): Command => ({
        ...names,
        details: 'Topics, groups and apps are completed too, asked from the node.',
        effect: 'read-only',
        arguments: [{ name: 'SHELL', help: `one of ${shells.join(', ')}`, completes: shells }],
        examples: [
          'completion bash > ~/.local/share/bash-completion/completions/pspf',
          'completion fish | source',
        ],
        run: completion,
      }),
    ),
    { path: ['__complete'], summary: '', effect: 'read-only', examples: [], hidden: true, run: complete },
  ]
}
