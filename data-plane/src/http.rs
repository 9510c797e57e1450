//! HTTP towards clients: reading requests strictly, deciding, forwarding, answering.

pub(crate) mod forward;
pub(crate) mod framing;
pub(crate) mod h1;
pub(crate) mod h2;
pub(crate) mod head;
pub(crate) mod host;
pub(crate) mod plan;
pub(crate) mod refusal;
pub(crate) mod reply;
