// The app files that a node is told to serve, checked before anything is opened.
import { realpathSync, statSync } from 'node:fs'
import { BrokerError } from '#base'

/** Answers `path`, or throws `invalid_request`: trying again would not help. */
export function existingFile(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory()) {
    throw new BrokerError('invalid_request', `${path} is a directory, not an app file`, {
      fix: 'name the files in it: pspf serve apps/*.ts',
    })
  }
  if (found !== undefined) return path
  throw new BrokerError('invalid_request', `there is no app file ${path}`, {
    fix: 'check the path; pspf examples show quickstart prints one to begin with',
  })
}

/** Each file once, under the first path that leads to it: started twice, an app would refuse itself for its id. */
export function distinctFiles(paths: readonly string[]): string[] {
  const files = new Map<string, string>()
  for (const path of paths) {
    const file = realpathSync(path)
    if (!files.has(file)) files.set(file, path)
  }
  return [...files.values()]
}
