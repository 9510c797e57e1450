//! The JSON of a request.

use std::ops::Deref;

use serde_json::Value;

use crate::wire;

/// What a client sent. All its texts are wiped when it is dropped: each may be a private key or a password, also where it
/// was refused.
///
/// No `Debug`, for the same reason.
pub(super) struct JsonBody(Value);

impl JsonBody {
    pub(super) fn new(body: Value) -> Self {
        Self(body)
    }
}

impl Deref for JsonBody {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Drop for JsonBody {
    fn drop(&mut self) {
        wire::wipe(&mut self.0);
    }
}
