//! From a valid gateway to what a worker is sent: ARM words become proxy words here and nowhere else.
//!
//! Pure and total; the same gateway gives the same bytes.

/// A gateway as the workers get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// An encoded `proto::config::v1::GatewaySnapshot`.
    pub snapshot: Vec<u8>,
    /// SHA-256 of `snapshot`.
    pub sha256: [u8; 32],
    /// What the snapshot refers to by hash, without the private keys; sorted by hash.
    pub blobs: Vec<Blob>,
    /// Private keys that the snapshot refers to: SHA-256 of the PKCS#8 DER; sorted.
    pub keys: Vec<[u8; 32]>,
}

/// Public bytes, named by their hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// SHA-256 of `bytes`.
    pub sha256: [u8; 32],
    /// What the bytes are; today always `BlobKind::Certificates`.
    pub kind: proto::config::v1::BlobKind,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Lowers a gateway.
pub fn snapshot(_gateway: &model::ApplicationGateway) -> Compiled {
    todo!()
}

/// The snapshot of a stopped gateway: it listens nowhere.
pub fn stopped(_id: &model::GatewayId) -> Compiled {
    todo!()
}
