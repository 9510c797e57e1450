//! The control plane: an ARM-shaped REST API, the store behind it and the configuration stream to the workers.

pub mod api_version;
pub mod clock;
pub mod compile;
pub mod parse;
pub mod permit;
pub mod render;
