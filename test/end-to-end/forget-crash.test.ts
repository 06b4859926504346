import { forgetCrash } from './forget-crash.ts'

forgetCrash('SQLite')
