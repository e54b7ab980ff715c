// Every example of docs/streams.md does what the page says. `UPDATE_DOCS=1` writes what they answer into the page.
import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as pspf from '../../src/sdk/index.ts'
import * as testing from '../../src/streams/testing/index.ts'

const path = join(import.meta.dir, '../../docs/streams.md')
const page = readFileSync(path, 'utf8')
const modules: Record<string, object> = { pspf, 'pspf/testing': testing }
const transpiler = new Bun.Transpiler({ loader: 'ts' })
const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
  ...text: string[]
) => (given: typeof modules, shown: Pick<Console, 'log'>) => Promise<void>

/** Runs a program; answers what it showed, one JSON text for each row. */
async function run(program: string): Promise<string[]> {
  const body = program
    .replace(/^import type .*$/gm, '')
    .replace(
      /^import \{([^}]*)\} from '([^']+)'$/gm,
      (_, names: string, from: string) => `const {${names}} = modules['${from}']`,
    )
  const lines: string[] = []
  const log = (...all: unknown[]) => {
    for (const rows of all) for (const row of rows as unknown[]) lines.push(JSON.stringify(row))
  }
  if (body.includes('@stream(')) {
    await runFile(body, log)
    return lines
  }
  // The transpiler strips types; functions keep top-level await.
  const script = transpiler.transformSync(`export async function main() {\n${body}\n}`)
  await new AsyncFunction('modules', 'console', `${script.replace(/^export /m, '')}\nawait main()`)(modules, {
    log,
  })
  return lines
}

type Main = { main(given: typeof modules, shown: { log: (...all: unknown[]) => void }): Promise<void> }

/** What decorators become needs imports, which only a file may have. */
async function runFile(body: string, log: (...all: unknown[]) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pspf-docs-'))
  const file = join(folder, 'example.ts')
  writeFileSync(file, `export async function main(modules, console) {\n${body}\n}`)
  try {
    const { main } = (await import(file)) as Main
    await main(modules, { log })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const prelude = /```ts prelude\n([\s\S]*?)```/.exec(page)![1]!
const examples = [...page.matchAll(/```ts\n([\s\S]*?)```\n```json\n([\s\S]*?)```/g)].map(
  ([whole, code, shown]) => ({ whole, code: code!, shown: shown! }),
)

test('the page has an example of everything', () => {
  expect(examples.length).toBe([...page.matchAll(/```ts\n/g)].length)
  const code = examples.map((example) => example.code.replace(/<[\w, ]+>\(/g, '(')).join('\n')
  const everything = [
    ...'filter map flatMap peek branch merge keyBy repartition aggregate count join joinWithin async dedupe process table onError'
      .split(' ')
      .map((name) => `.${name}(`),
    ...Object.keys(pspf.agg).map((name) => `agg.${name}(`),
    ...Object.keys(pspf.state).map((name) => `state.${name}(`),
    ...['@stream(', '@state.value(', '@on.event(', '@timer(', '@on.error(', "time: 'processing'"],
    ...Object.keys(pspf.window).map((name) => `window.${name}(`),
    ...["emit('on-close'", "emit('on-update'", 'emit({ every', 'afterSilence', '.late)'],
  ]
  expect(everything.filter((name) => !code.includes(name))).toEqual([])
})

test('the app file at the top is an app', async () => {
  const program = /```ts app\n([\s\S]*?)```/.exec(page)![1]!
  const lines = await run(`${program.replace('export const shop', 'const shop')}\nconsole.log([shop.id])`)
  expect(lines).toEqual(['"shop"'])
})

/** Examples of docstrings: they are whole expressions over the topics of the page. */
const sources = [
  'stream',
  'windowed-stream',
  'window',
  'aggregator',
  'table',
  'keyed-state',
  'process-handler',
  'decorators',
]
const docstrings = sources.flatMap((name) => {
  const text = readFileSync(join(import.meta.dir, `../../src/streams/${name}.ts`), 'utf8')
  return [...text.matchAll(/@example([\s\S]*?)\*\//g)].map(([, code]) => ({
    name,
    code: code!.replace(/^\s*\* ?/gm, '').trim(),
  }))
})

test('every example of a docstring can be run', async () => {
  expect(docstrings.length).toBeGreaterThan(30)
  for (const { name, code } of docstrings) {
    const failure = await run(`${prelude}\n${code}`).then(
      () => null,
      (error: Error) => `${name}: ${code}: ${error.message}`,
    )
    expect(failure).toBeNull()
  }
})

let updated = page
for (const { whole, code, shown } of examples) {
  const title = code.split('\n').find((line) => line.includes('app({ id:')) ?? code.slice(0, 40)
  test(`example ${/id: '([^']+)'/.exec(title)?.[1]}`, async () => {
    const lines = await run(prelude + code)
    if (process.env['UPDATE_DOCS'] === '1') {
      const text = lines.map((line) => `${line}\n`).join('')
      updated = updated.replace(whole, () => `\`\`\`ts\n${code}\`\`\`\n\`\`\`json\n${text}\`\`\``)
      writeFileSync(path, updated)
      return
    }
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
      shown
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    )
  })
}
