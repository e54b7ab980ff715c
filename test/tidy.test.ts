// The tidy test: arrows between modules point one way, banned calls are named with their replacement, and every file
// is reachable. Sizes are a guide: it prints the largest files so that they are looked at.
import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { layers } from './layers.ts'

const root = join(import.meta.dir, '..')
const entryPoints = [
  'src/main.ts',
  'src/base/sync-worker.ts',
  'src/log/compaction/compaction-worker.ts',
  'src/streams/testing/index.ts',
]

type Source = { path: string; module: string; text: string; imports: string[] }

function filesIn(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name)
    return statSync(path).isDirectory() ? filesIn(path) : /\.tsx?$/.test(name) ? [path] : []
  })
}

/** Every specifier, `import type` included: a type is an arrow too. */
function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  return [
    ...code.matchAll(
      /(?:^|[\s;])(?:import|export)\s[^'"`]*?from\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g,
    ),
  ].map((match) => match[1] ?? match[2]!)
}

const sources: Source[] = filesIn(join(root, 'src')).map((file) => {
  const path = relative(root, file).split(sep).join('/')
  const text = readFileSync(file, 'utf8')
  return { path, module: path.split('/')[1]!, text, imports: importsOf(text) }
})

/** Without comments and strings, so that a sentence about `Date.now` is no call of it. */
function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '')
    .replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, "''")
}

const banned: { pattern: RegExp; instead: string; allowedIn: RegExp }[] = [
  { pattern: /\bDate\.now\(|\bnew Date\(\)/, instead: 'clock.now()', allowedIn: /^src\/base\/clock\.ts$/ },
  { pattern: /\bperformance\.now\(/, instead: 'clock.monotonic()', allowedIn: /^src\/base\/clock\.ts$/ },
  {
    pattern: /\bMath\.random\(|\bcrypto\.(getRandomValues|randomUUID)\(/,
    instead: 'the Random passed in',
    allowedIn: /^src\/base\/random\.ts$/,
  },
  {
    pattern: /\bset(Timeout|Interval)\(|\bBun\.sleep/,
    instead: 'clock.after() or sleep(clock, ms)',
    allowedIn: /^src\/base\/clock\.ts$/,
  },
  {
    pattern: /\bprocess\.env\b|\bBun\.env\b/,
    instead: 'a setting read by node',
    allowedIn: /^src\/(node|cli)\//,
  },
  { pattern: /\bconsole\.\w+\(/, instead: 'the Logger passed in', allowedIn: /^src\/cli\// },
  {
    pattern: /\bcatch\s*(\([^)]*\)\s*)?\{\s*\}/,
    instead: 'a catch that says why it ignores',
    allowedIn: /^$/,
  },
]

describe('tidy', () => {
  test('imports between modules follow test/layers.ts', () => {
    const wrong: string[] = []
    for (const { path, module, imports } of sources) {
      if (path === 'src/main.ts') continue
      const allowed = layers[module]
      if (!allowed) wrong.push(`${path}: module "${module}" has no row in test/layers.ts`)
      for (const specifier of imports) {
        const target = /^#(\w+)$/.exec(specifier)?.[1]
        if (target && target !== 'embedded' && !allowed?.includes(target))
          wrong.push(`${path} imports #${target}`)
        if (target === module) wrong.push(`${path} imports its own index: import the file instead`)
        if (specifier.startsWith('.')) {
          const resolved = normalize(join(dirname(path), specifier))
            .split(sep)
            .join('/')
          if (resolved.startsWith('src/') && resolved.split('/')[1] !== module) {
            wrong.push(`${path} reaches into another module by "${specifier}": use #module`)
          }
        }
      }
    }
    expect(wrong).toEqual([])
  })

  test('every allowed arrow is used', () => {
    const used = new Set(
      sources.flatMap(({ module, imports }) =>
        imports.map((specifier) => `${module} -> ${specifier.slice(1)}`),
      ),
    )
    const unused = Object.entries(layers).flatMap(([module, targets]) =>
      targets
        .filter((target) => !used.has(`${module} -> ${target}`))
        .map((target) => `${module} -> ${target}`),
    )
    expect(unused).toEqual([])
  })

  test('the UI imports nothing of src but types from the contract', () => {
    const wrong = filesIn(join(root, 'ui')).flatMap((file) => {
      const text = readFileSync(file, 'utf8')
      return importsOf(text)
        .filter((specifier) => /(^#)|\/src\//.test(specifier) && !specifier.endsWith('/src/http/contract.ts'))
        .map((specifier) => `${relative(root, file)} imports ${specifier}`)
        .concat(
          /import (?!type)[^'"]*from '[^']*contract\.ts'/.test(text)
            ? [`${relative(root, file)}: use import type`]
            : [],
        )
    })
    expect(wrong).toEqual([])
  })

  test('the clock, randomness, environment and console are passed in', () => {
    const wrong = sources.flatMap(({ path, text }) => {
      const code = codeOf(text)
      return banned
        .filter(({ pattern, allowedIn }) => pattern.test(code) && !allowedIn.test(path))
        .map(({ pattern, instead }) => `${path}: ${pattern.exec(code)![0].trim()} -> use ${instead}`)
    })
    expect(wrong).toEqual([])
  })

  test('only base and the state stores touch the file system', () => {
    const fileSystem = /^(node:fs|fs|node:fs\/promises|bun:sqlite)$/
    const wrong = sources
      .filter(({ module, path, imports }) => {
        const mayTouch =
          ['base', 'node', 'cli'].includes(module) ||
          path.startsWith('src/streams/state/') ||
          path.startsWith('src/streams/process/')
        return !mayTouch && imports.some((specifier) => fileSystem.test(specifier))
      })
      .map(({ path }) => path)
    expect(wrong).toEqual([])
  })

  test('every file is imported by another or is an entry point', () => {
    const imported = new Set(
      sources.flatMap(({ path, imports }) =>
        imports.flatMap((specifier) =>
          specifier.startsWith('#')
            ? [`src/${specifier.slice(1)}/index.ts`]
            : specifier.startsWith('.')
              ? [
                  normalize(join(dirname(path), specifier))
                    .split(sep)
                    .join('/'),
                ]
              : [],
        ),
      ),
    )
    imported.add('src/sdk/index.ts') // package.json exports it
    const dead = sources
      .map(({ path }) => path)
      .filter((path) => !imported.has(path) && !entryPoints.includes(path) && !path.endsWith('.d.ts'))
    expect(dead).toEqual([])
  })

  test('the app in the README is examples/quickstart.ts', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    expect(/```ts\n([\s\S]*?)```/.exec(readme)?.[1]).toBe(
      readFileSync(join(root, 'examples/quickstart.ts'), 'utf8'),
    )
  })

  test('no file is named after nothing', () => {
    const vague = /(^|\/)(utils?|helpers?|common|manager|misc)(\.|\/|-)/
    expect(sources.map(({ path }) => path).filter((path) => vague.test(path))).toEqual([])
  })

  test('the ten largest files are looked at', () => {
    const sizes = sources
      .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
      .sort((a, b) => b.lines - a.lines)
    console.log(
      sizes
        .slice(0, 10)
        .map(({ path, lines }) => `  ${String(lines).padStart(4)} ${path}`)
        .join('\n'),
    )
    expect(sizes.length).toBeGreaterThan(0)
  })
})
