//! Matching: what a rule, a silence or an inhibition fits.
//!
//! Refuses to know: input and output, time, SQL, HTTP, and what follows from a match.
