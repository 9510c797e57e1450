//! Rewriting of header fields: what rules say, and what comes of them for one request and its response.
//!
//! A request is looked at once, before its head is written for the backend; what its response will need of it is worked out
//! then, too, since by then its bytes are gone. Nothing is applied before all of it is known.

mod change;
mod client;
mod identity;
mod pattern;
mod request;
mod reserved;
mod response;
mod rule;
mod run;
#[cfg(test)]
mod testing;
mod variable;

pub(crate) use change::{Changes, LeaveOut, Room};
pub(crate) use client::{Client, TlsNames};
pub use pattern::{InvalidPattern, Pattern};
pub(crate) use request::Request;
pub use reserved::ReservedFields;
pub(crate) use response::{Field as ResponseField, Pending};
pub use rule::{Condition, HeaderAction, Matcher, Part, RewriteRule, RewriteRuleSet, Source};
pub(crate) use run::on_request;
pub use variable::{IdentityVariable, Variable};
