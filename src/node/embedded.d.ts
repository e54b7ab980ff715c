// Files that compile.ts places in dist/embedded: importing one gives its path, in the source tree or in the executable.
declare module '*.bin' {
  const path: string
  export = path
}
