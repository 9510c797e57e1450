//! The definition of what `explainClientCertificate` takes, which is ours and in no schema of Azure.

use super::Kind::Text;
use super::{Object, member};

pub(super) static EXPLAIN_CLIENT_CERTIFICATE: Object = Object {
    name: "ExplainClientCertificateRequest",
    members: &[member("certificateChain", Text), member("at", Text)],
};
