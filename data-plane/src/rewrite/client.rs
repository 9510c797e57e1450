//! What rules can ask about the client and its connection.

use std::cell::{Cell, OnceCell};
use std::net::SocketAddr;

use super::change::{Change, Changes, Room};
use super::identity::{self, IdentityField};
use super::variable::IdentityVariable;
use crate::connection::client::ClientFacts;
use crate::snapshot::IdentityHeaders;

/// One for each connection. What is made of a certificate is made when it is first asked for, and once.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    /// Present exactly on TLS.
    pub(crate) tls: Option<TlsNames>,
    told: OnceCell<Box<Told>>,
    fields: OnceCell<Box<Fields>>,
    warned: Cell<bool>,
}

/// How a connection is encrypted, as logs and variables name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TlsNames {
    pub(crate) protocol: &'static str,
    pub(crate) cipher: &'static str,
}

/// The values of header fields that tell who the client is.
type Fields = [OnceCell<Box<[u8]>>; IdentityField::COUNT];

/// The values of the variables about a certificate.
type Told = [OnceCell<Box<[u8]>>; IdentityVariable::COUNT];

impl Client {
    pub(crate) fn new(address: SocketAddr, tls: Option<TlsNames>) -> Self {
        Self {
            address,
            tls,
            told: OnceCell::new(),
            fields: OnceCell::new(),
            warned: Cell::new(false),
        }
    }

    /// Adds the fields that `wanted` says to `changes`, as far as `facts`, those of this same connection, tell of a client
    /// that was verified. One that would be too large is left out as a whole; the chain is, too, where what it leads to is.
    pub(crate) fn tell<'a>(
        &'a self,
        wanted: IdentityHeaders,
        facts: &ClientFacts,
        changes: &mut Changes<'a>,
        room: Room<'_>,
    ) {
        let mut push = |field: IdentityField| {
            let value = self.field(field, facts);
            let fits = !value.is_empty() && room.admits(field.name(), value.len());
            if fits {
                changes.push(Change {
                    name: field.name(),
                    value: Some(value.into()),
                });
            }
            fits
        };
        let complete = !wanted.client_cert || push(IdentityField::ClientCert);
        if wanted.client_cert_chain && complete {
            push(IdentityField::ClientCertChain);
        }
        if wanted.xfcc {
            push(IdentityField::Xfcc);
        }
    }

    fn field(&self, field: IdentityField, facts: &ClientFacts) -> &[u8] {
        let fields = self.fields.get_or_init(Box::default);
        let value = fields.get(field.index());
        value.map_or(&[], |value| value.get_or_init(|| field.value(facts).into()))
    }

    /// Whether this is the first time that a field about this client is left out: one line of the log tells of all.
    pub(crate) fn is_first_left_out(&self) -> bool {
        !self.warned.replace(true)
    }

    /// What the client's certificate says, by `facts` of this same connection. Where none was asked for, none was shown.
    pub(crate) fn identity(
        &self,
        variable: IdentityVariable,
        facts: Option<&ClientFacts>,
    ) -> &[u8] {
        let Some(facts) = facts else {
            return match variable {
                IdentityVariable::Verification => NO_CERTIFICATE,
                _ => &[],
            };
        };
        let told = self.told.get_or_init(Box::default);
        let value = told.get(variable.index());
        value.map_or(&[], |value| {
            value.get_or_init(|| identity::value(variable, facts).into())
        })
    }
}

/// As [`Outcome::Absent`](crate::connection::client::Outcome::Absent) is told.
const NO_CERTIFICATE: &[u8] = b"NONE";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::client::Outcome;

    #[test]
    fn who_was_not_asked_has_shown_nothing() {
        let client = Client::new(SocketAddr::from(([192, 0, 2, 7], 5000)), None);
        for variable in IdentityVariable::ALL {
            let expected = match variable {
                IdentityVariable::Verification => Outcome::Absent.text().into_owned(),
                _ => String::new(),
            };
            assert_eq!(client.identity(*variable, None), expected.as_bytes());
        }
        assert!(client.told.get().is_none());
    }
}
