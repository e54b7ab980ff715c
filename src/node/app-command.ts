// How this very program starts one of its app processes.
import { dirname, resolve } from 'node:path'

export function childCommand(): string[] {
  if (Bun.isStandaloneExecutable) return [process.execPath, '__app']
  // Never fetch a package that an app file names: the executable does not either.
  return [process.execPath, '--no-install', resolve(dirname(import.meta.dir), 'main.ts'), '__app']
}
