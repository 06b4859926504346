/**
 * A link from another site brings no cookie of ours along (`SameSite=Strict`), so that who follows one gets this form. What
 * this page itself asks for does: who has signed in before goes on.
 */
import { isSignedIn } from './ask.js'

if (await isSignedIn()) location.replace('/')

document.getElementById('token')?.focus()
