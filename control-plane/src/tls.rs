//! Certificates of the control plane: its own CA, and what rustls serves.

mod authority;
mod file;
mod server;

pub use self::{
    authority::{Authority, AuthorityError, Usage},
    file::{create_private_dir, write_private, write_public},
    server::{OwnCertificate, server_config},
};
