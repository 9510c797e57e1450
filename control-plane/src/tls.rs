//! Certificates of the control plane: its own CA, and what rustls serves.

mod api_certificate;
mod authority;
mod file;
mod own_certificate;

pub use self::{
    api_certificate::{ApiCertificate, RefreshError},
    authority::{Authority, AuthorityError, Usage},
    file::{create_private_dir, write_private, write_public},
};
