import { relinkCrash } from './relink-crash.ts'

relinkCrash('SQLite')
