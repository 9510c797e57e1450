//! Whole documents: what is refused and where, what is kept, what is shown.

mod az;
mod certificates;
mod client_auth;
mod clients;
pub(crate) mod fixture;
mod keeping;
mod policies;
mod rewrites;
mod round_trip;
mod rules;
