//! The control plane: an ARM-shaped REST API, the store behind it and the configuration stream to the workers.

pub mod admin;
pub mod api;
pub mod api_version;
pub mod app;
mod certificate;
pub mod clock;
pub mod compile;
mod defaults;
mod facts;
pub mod init;
pub mod listener;
pub mod operation;
pub mod parse;
pub mod permit;
pub mod reconcile;
pub mod render;
pub mod seal;
pub mod settings;
pub mod store;
pub mod stream;
pub mod subscription;
pub mod telemetry;
pub mod ticket_key;
pub mod tls;
mod tls_policy;
mod violations;
mod wire;
