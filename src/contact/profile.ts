/**
 * A place in Braze that should hold one LINE user id, or none: the profile of a customer whom the brand knows, or the one
 * behind the alias of a LINE user whom it does not know. Never both.
 */
export type Address = { readonly externalId: string } | { readonly userId: string }
