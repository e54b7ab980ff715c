/** What each module may import. Think about the design before adding an arrow. */
export const layers: Record<string, readonly string[]> = {
  base: [],
  record: ['base'],
  log: ['base', 'record'],
  broker: ['base', 'record', 'log'],
  streams: ['base', 'record', 'broker'],
  dashboards: ['base', 'record', 'broker', 'streams'],
  http: ['base', 'record', 'broker', 'streams', 'dashboards'],
  // Node composes: every module except cli and sdk.
  node: ['base', 'log', 'broker', 'streams', 'dashboards', 'http'],
  cli: ['base', 'node'],
  sdk: ['streams', 'dashboards', 'node'],
}
