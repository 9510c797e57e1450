//! Generated types of the configuration stream. No logic lives here.

/// `portcullis.config.v1`: snapshots and the stream that carries them.
pub mod config {
    /// Version 1.
    #[expect(
        missing_docs,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        reason = "generated code; the .proto files hold the documentation"
    )]
    pub mod v1 {
        tonic::include_proto!("portcullis.config.v1");

        impl std::fmt::Debug for BlobChunk {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter
                    .debug_struct("BlobChunk")
                    .field("sha256", &self.sha256)
                    .field("kind", &self.kind())
                    .field("size", &self.size)
                    .field("offset", &self.offset)
                    .finish_non_exhaustive()
            }
        }

        impl std::fmt::Debug for JoinRequest {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter
                    .debug_struct("JoinRequest")
                    .field("identity", &self.identity)
                    .field("worker_id", &self.worker_id)
                    .finish_non_exhaustive()
            }
        }

        impl std::fmt::Debug for TicketKey {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter
                    .debug_struct("TicketKey")
                    .field("id", &self.id)
                    .finish_non_exhaustive()
            }
        }
    }
}
