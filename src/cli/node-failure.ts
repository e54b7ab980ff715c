// The node answered, but with a failure that has no code of ours: a bug in it, or something else behind the address.

export class NodeFailure extends Error {
  override readonly name = 'NodeFailure'
  readonly fix: string

  constructor(message: string, fix: string) {
    super(message)
    this.fix = fix
  }
}
