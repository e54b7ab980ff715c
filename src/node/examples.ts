// The example apps that the executable carries: printed by `pspf examples`, run by `pspf serve --demo`.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError } from '#base'
import { examples } from '#embedded'

export type Example = { readonly name: string /** Its first comment line. */; readonly description: string }

const demoNames = ['host', 'flights']

export function listExamples(): Example[] {
  return examples.map(({ name, text }) => ({ name, description: /^\/\/ *(.+)/.exec(text)?.[1] ?? '' }))
}

/** The text of an example, ready to be saved and run. Throws `not_found` that names the others. */
export function showExample(name: string): string {
  const found = examples.find((example) => example.name === name)
  if (found) return found.text
  throw new BrokerError('not_found', `there is no example "${name}"`, {
    fix: `pspf examples show ${examples.map((example) => example.name).join(' | ')}`,
  })
}

/** Writes the demo's app files into the data directory, as an ordinary user would have saved them; answers their paths. */
export function writeDemoApps(dataDirectory: string): string[] {
  const directory = join(dataDirectory, 'demo')
  mkdirSync(directory, { recursive: true })
  return demoNames.map((name) => {
    const path = join(directory, `${name}.ts`)
    writeFileSync(path, showExample(name))
    return path
  })
}
