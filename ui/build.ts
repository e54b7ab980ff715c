// Builds the browser UI into files that any static server can serve: hashed names, relative URLs, nothing inline.
import { mkdir, rm } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

export type BuiltFile = {
  /** Below the base path: `index.html`, `assets/main-1a2b3c.js`. */
  readonly path: string
  /** Where it lies on this disk. */
  readonly file: string
  readonly contentType: string
  /** The name holds a hash of the content: it may be cached for ever. */
  readonly immutable: boolean
  /** Needed before the first page can be drawn. */
  readonly firstLoad: boolean
  readonly bytes: number
  readonly gzipBytes: number
}

export const firstLoadGzipBytesMax = 150 * 1024

const contentTypes: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

const source = import.meta.dir
const quickstart = join(source, '..', 'examples', 'quickstart.ts')

/** `index.html` holds `<base href="/">`: the server replaces the `/` with its base path. */
export async function buildUi(outdir: string): Promise<BuiltFile[]> {
  await rm(outdir, { recursive: true, force: true })
  await mkdir(join(outdir, 'assets'), { recursive: true })
  const assets = join(outdir, 'assets')
  const [modules, theme, styles] = await Promise.all([
    bundle(assets, { entry: 'main.tsx', format: 'esm' }),
    bundle(assets, { entry: 'theme.ts', format: 'iife' }),
    bundle(assets, { entry: 'styles/main.css', format: 'esm' }),
  ])
  const entries: [string, string][] = [
    ['main.tsx', entryOf(modules, '.js')],
    ['theme.ts', entryOf(theme, '.js')],
    ['styles/main.css', entryOf(styles, '.css')],
  ]
  let html = await Bun.file(join(source, 'index.html')).text()
  for (const [name, file] of entries) {
    const url = pathBelow(outdir, file)
    const replaced = html.replace(`"${name}"`, `"${url}"`)
    if (replaced === html) throw new Error(`ui/index.html does not name ${name}`)
    html = replaced
  }
  await Bun.write(join(outdir, 'index.html'), html.replaceAll(/\n\s*/g, '\n'))
  await Bun.write(join(outdir, 'icon.svg'), Bun.file(join(source, 'icon.svg')))
  const first = new Set([join(outdir, 'index.html'), ...entries.map(([, file]) => file)])
  const chunks = await staticImports(entries[0]![1])
  for (const chunk of chunks) first.add(chunk)
  const files = [...new Set([...modules, ...theme, ...styles].map((artifact) => artifact.path))]
  return Promise.all(
    [join(outdir, 'index.html'), join(outdir, 'icon.svg'), ...files].map((file) =>
      describe(outdir, file, first.has(file)),
    ),
  )
}

type Artifact = { readonly path: string; readonly entry: boolean }

async function bundle(
  outdir: string,
  options: { entry: string; format: 'esm' | 'iife' },
): Promise<Artifact[]> {
  const built = await Bun.build({
    entrypoints: [join(source, options.entry)],
    root: source,
    outdir,
    target: 'browser',
    format: options.format,
    minify: true,
    splitting: options.format === 'esm',
    naming: { entry: '[name]-[hash].[ext]', chunk: 'part-[hash].[ext]', asset: '[name]-[hash].[ext]' },
    define: {
      'process.env.NODE_ENV': '"production"',
      __QUICKSTART__: JSON.stringify(await Bun.file(quickstart).text()),
    },
  })
  return built.outputs.map((output) => ({
    path: output.path,
    entry: output.kind === 'entry-point' || output.kind === 'asset',
  }))
}

function entryOf(artifacts: readonly Artifact[], extension: string): string {
  const entry = artifacts.find((artifact) => artifact.entry && artifact.path.endsWith(extension))
  if (!entry) throw new Error(`the build gave no ${extension} file`)
  return entry.path
}

/** The chunks an entry imports before it can run; those behind `import()` come later. */
async function staticImports(entry: string): Promise<string[]> {
  const text = await Bun.file(entry).text()
  const imports = new Bun.Transpiler({ loader: 'js' }).scanImports(text)
  return imports.filter(({ kind }) => kind === 'import-statement').map(({ path }) => join(entry, '..', path))
}

async function describe(outdir: string, file: string, firstLoad: boolean): Promise<BuiltFile> {
  const content = await Bun.file(file).bytes()
  const path = pathBelow(outdir, file)
  return {
    path,
    file,
    contentType: contentTypes[path.split('.').pop() ?? ''] ?? 'application/octet-stream',
    immutable: path.startsWith('assets/'),
    firstLoad,
    bytes: content.length,
    gzipBytes: Bun.gzipSync(content).length,
  }
}

function pathBelow(outdir: string, file: string): string {
  return relative(outdir, file).split(sep).join('/')
}

if (import.meta.main) {
  const files = await buildUi(process.argv[2] ?? join(source, '..', 'dist', 'ui'))
  for (const file of files) {
    const sizes = `${String(file.bytes).padStart(8)} ${String(file.gzipBytes).padStart(8)} gzip`
    console.log(`${sizes}  ${file.path}${file.firstLoad ? '  (first load)' : ''}`)
  }
  const firstLoad = files.filter((file) => file.firstLoad).reduce((sum, file) => sum + file.gzipBytes, 0)
  console.log(
    `first load ${(firstLoad / 1024).toFixed(1)} kB gzip of ${firstLoadGzipBytesMax / 1024} kB allowed`,
  )
  if (firstLoad > firstLoadGzipBytesMax) process.exit(1)
}
