// Finds who imports a name that does not exist, by walking the app's own imports. Only after a failure, so that speed
// does not matter; only through relative imports, since installed packages are not the user's to mend.
import { dirname, resolve } from 'node:path'
import { type Disk, systemCode } from '#base'
import { placeAt, type SourcePlace } from './code-frame.ts'

/** Files looked at before the search gives up. */
const filesMax = 200
const sourceSizeBytesMax = 2 * 2 ** 20

export type MissingExport = {
  /** How the importing file names the module. */
  readonly specifier?: string
  readonly place?: SourcePlace
  /** What the module does export. */
  readonly exported: readonly string[]
}

type Wanted = {
  readonly name: string
  /** As the runtime names it: a path, or the name of a virtual module. */
  readonly module: string
  readonly file: string
  readonly disk: Disk
  readonly modules: Readonly<Record<string, object>>
}

export function findMissingExport(wanted: Wanted): MissingExport {
  const exported = exportsOf(wanted)
  const queue = [wanted.file]
  for (let next = 0; next < queue.length && next < filesMax; next++) {
    const file = queue[next]!
    const source = readSource(wanted.disk, file)
    if (source === null) continue
    for (const specifier of importsOf(file, source)) {
      const path = resolveImport(specifier, file)
      if (specifier === wanted.module || path === wanted.module) {
        const place = placeOfName(wanted.name, specifier, { file, source })
        if (place) return { specifier, place, exported }
      }
      if (path !== null && specifier.startsWith('.') && !queue.includes(path)) queue.push(path)
    }
  }
  return { exported }
}

/** A file's text; null if it cannot be read or is too large to be shown. */
export function readSource(disk: Disk, path: string): string | null {
  try {
    const file = disk.open(path, 'read')
    try {
      const size = file.size()
      if (size > sourceSizeBytesMax) return null
      const bytes = new Uint8Array(size)
      return new TextDecoder().decode(bytes.subarray(0, file.read(bytes, 0)))
    } finally {
      file.close()
    }
  } catch (error) {
    if (systemCode(error) !== undefined) return null
    throw error
  }
}

function exportsOf({ module, modules, disk }: Wanted): readonly string[] {
  const known = modules[module]
  if (known) return Object.keys(known)
  const source = readSource(disk, module)
  return source === null ? [] : (scan(module, source)?.exports ?? [])
}

function importsOf(file: string, source: string): string[] {
  return scan(file, source)?.imports.map((found) => found.path) ?? []
}

function scan(file: string, source: string) {
  const loader = /\.[cm]?js$/.test(file) ? 'js' : file.endsWith('x') ? 'tsx' : 'ts'
  try {
    return new Bun.Transpiler({ loader }).scan(source)
  } catch {
    // A file that does not parse would have failed before its imports were looked at.
    return undefined
  }
}

function resolveImport(specifier: string, from: string): string | null {
  if (!specifier.startsWith('.')) return null
  try {
    return Bun.resolveSync(specifier, dirname(from))
  } catch {
    return resolve(dirname(from), specifier)
  }
}

/** Where `name` stands in the import or re-export of `specifier`. */
function placeOfName(
  name: string,
  specifier: string,
  { file, source }: { file: string; source: string },
): SourcePlace | undefined {
  const clause = new RegExp(`(?:import|export)\\s([^;'"]*?)from\\s*['"]${RegExp.escape(specifier)}['"]`, 'g')
  for (const match of source.matchAll(clause)) {
    const names = match[1]!
    const inside =
      name === 'default'
        ? names.search(/\S/)
        : names.search(new RegExp(`(?<![\\w$])${RegExp.escape(name)}(?![\\w$])`))
    if (inside >= 0) return placeAt(file, source, match.index + match[0].indexOf(names) + inside)
  }
  return undefined
}
