// `pspf examples ...`: the apps that the executable carries.
import type { Call, Command } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import type { View } from '../output/output.ts'

type Example = { readonly name: string; readonly description: string }

const summary: View<Example> = {
  name: (example) => example.name,
  columns: [
    { title: 'name', of: (example) => example.name },
    { title: 'description', of: (example) => example.description },
  ],
}

async function list({ session }: Call): Promise<number> {
  const node = await import('#node')
  await session.output.list(node.listExamples(), summary)
  return exitCode.success
}

async function show({ session, argument }: Call): Promise<number> {
  const node = await import('#node')
  await session.output.text(node.showExample(argument('NAME')))
  return exitCode.success
}

export const exampleCommands: readonly Command[] = [
  {
    path: ['examples', 'list'],
    summary: 'list the example apps in this executable',
    effect: 'read-only',
    examples: ['examples list'],
    run: list,
  },
  {
    path: ['examples', 'show'],
    summary: 'print an example app, ready to be saved and changed',
    effect: 'read-only',
    arguments: [{ name: 'NAME', help: 'name of the example', completes: 'example' }],
    examples: ['examples show flights', 'examples show host > host.ts'],
    run: show,
  },
]
