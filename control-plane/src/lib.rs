//! The control plane: an ARM-shaped REST API, the store behind it and the configuration stream to the workers.

pub mod clock;
pub mod permit;
