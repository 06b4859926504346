/** LINE opened in June 2011: a clock that says less is not set, and a timestamp that does is none in milliseconds. */
export const LINE_EPOCH = Date.UTC(2011, 5, 1)
