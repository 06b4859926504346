/**
 * A link from another site brings no cookie of ours along (`SameSite=Strict`), so that who follows one gets this form. What
 * this page itself asks for does: who has signed in before goes on.
 */
import { isSignedIn } from './ask.js'

// After a wrong token the address is the form's: whoever reloads this page should get a form, and send nothing again.
history.replaceState(null, '', '/')

if (await isSignedIn()) location.replace('/')

document.getElementById('token')?.focus()
