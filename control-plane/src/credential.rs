//! How a service principal proves who it is to the token service: a password, or an assertion that its key signed.
//!
//! Hashing takes tens of milliseconds and 19 MiB of memory by design: callers do it off the runtime's threads.

mod assertion;
mod password;

pub use self::{
    assertion::{Assertion, AssertionError, MAX_ASSERTION},
    password::{Password, PasswordError},
};
