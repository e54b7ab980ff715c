// Our own node through HTTP: NDJSON, one request a connection at a time, keep-alive.
import { httpConnection } from '../connection.ts'
import type { Shape } from './shape.ts'
import type { Target } from './target.ts'

export async function httpTarget(port: number, shape: Shape): Promise<Target> {
  const idle = await Promise.all(
    Array.from({ length: shape.inFlight }, () => httpConnection(port, 'bench', shape)),
  )
  const all = [...idle]
  return {
    append: () =>
      new Promise<void>((resolve, reject) => {
        const connection = idle.pop()
        if (connection === undefined) return reject(new Error('more in flight than connections'))
        connection.request((ok) => {
          idle.push(connection)
          if (ok) resolve()
          else reject(new Error('refused'))
        })
      }),
    close() {
      for (const connection of all) connection.close()
    },
  }
}
