// The program: everything is in cli.
import { main } from '#cli'

await main()
