// Loads an app's file and finds the one app it exports.
import { BrokerError } from '#base'
import { type App, isApp } from '../app.ts'

/** Makes `modules` importable by name from files loaded after this. */
export function provideModules(modules: Readonly<Record<string, object>>): void {
  Bun.plugin({
    name: 'pspf',
    setup(build) {
      for (const [name, exports] of Object.entries(modules)) {
        build.module(name, () => ({ exports: { ...exports }, loader: 'object' }))
      }
    },
  })
}

/** Throws what the file throws, or `app_failed` if it does not export exactly one app. */
export async function loadApp(file: string): Promise<App> {
  const exported = (await import(file)) as Record<string, unknown>
  const names = new Map<App, string>()
  for (const [name, value] of Object.entries(exported)) if (isApp(value)) names.set(value, name)
  const [found, ...others] = names.keys()
  if (found === undefined) {
    throw new BrokerError('app_failed', 'no app is exported', {
      fix: `write: export const shop = app({ id: 'shop' }).use(...)`,
    })
  }
  if (others.length > 0) {
    const list = [...names.values()].map((name) => `"${name}"`).join(' and ')
    throw new BrokerError('app_failed', `${names.size} apps are exported: ${list}`, {
      fix: 'keep one app in a file',
    })
  }
  return found
}
