// Matches the path of a route that is asked for thousands of times a second without the router's help: a fixed
// beginning, one name, a fixed end. Whatever is not plainly that (escapes, a slash at the end) is left to the router.

export type HotPath = {
  /** `find('http://h:1/api/v1/topics/orders/records?a=b') -> 'orders'`; null if the router must look. */
  find(url: string): string | null
  readonly parameter: string
}

/** `hotPath('/api/v1/topics/:topic/records')`. */
export function hotPath(path: string): HotPath {
  const [, before = '', parameter = '', after = ''] = /^([^:]*):(\w+)([^:]*)$/.exec(path) ?? []
  return {
    parameter,
    find(url) {
      const start = url.indexOf('/', url.indexOf('://') + 3)
      if (!url.startsWith(before, start)) return null
      const nameAt = start + before.length
      const nameEnd = url.indexOf('/', nameAt)
      if (nameEnd <= nameAt || !url.startsWith(after, nameEnd)) return null
      const end = nameEnd + after.length
      if (end !== url.length && url[end] !== '?') return null
      const name = url.slice(nameAt, nameEnd)
      return name.includes('%') ? null : name
    },
  }
}
