//! HTTP towards clients: reading requests strictly, deciding, forwarding, answering.

pub(crate) mod refusal;
