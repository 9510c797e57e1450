//! Certificates of the control plane: its own CA, and what rustls serves.

mod api_certificate;
mod authority;
mod file;
mod own_certificate;
mod stream_certificate;
mod worker_authority;

pub use self::{
    api_certificate::{ApiCertificate, RefreshError},
    authority::{Authority, AuthorityError, Usage},
    file::{create_private_dir, write_private, write_public},
    own_certificate::with_names_of_this_machine,
    stream_certificate::StreamCertificate,
    worker_authority::{Grant, WorkerAuthority},
};
