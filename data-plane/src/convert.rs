//! From the control plane's snapshot to the worker's. All that can be wrong with a snapshot is found here; nothing is
//! defaulted, and whatever is unknown is refused.

mod cache;
mod client_auth;
mod client_policy;
mod crl;
mod host;
mod listener;
mod material;
mod rewrite;
mod upstream;

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use ::client_auth::Authenticator;
use ::client_auth::crl::SignedCrl;
use proto::config::v1 as wire;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig};

use crate::clock::Clock;
use crate::rewrite::RewriteRuleSet;
use crate::snapshot::{ClientAuth, Snapshot};
use crate::tls::tickets::keys::TicketKeys;
use crate::tls::upstream_config::SystemRoots;
use cache::Cache;
pub(crate) use material::{Material, references};

/// Why a snapshot was refused. It becomes the NACK, so it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{resource} {property}: {reason}")]
pub(crate) struct Rejected {
    /// ARM collection and name of the part at fault: `frontendPorts/https`. Empty: the whole gateway.
    pub(crate) resource: String,
    /// The property of that part: `port`. Empty: the part as a whole.
    pub(crate) property: String,
    /// For the operator.
    pub(crate) reason: String,
}

/// What every conversion on this worker has in common.
#[derive(Debug)]
pub(crate) struct Converter {
    /// What binds without an address listen on.
    pub(crate) public_address: IpAddr,
    pub(crate) clock: Clock,
    pub(crate) system_roots: SystemRoots,
    pub(crate) ticket_keys: TicketKeys,
}

/// A snapshot ready to be put in force, and what it was built from.
#[derive(Debug)]
pub(crate) struct Converted {
    pub(crate) snapshot: Snapshot,
    pub(crate) built: Built,
}

/// Expensive parts of a gateway by a hash of all that went into them: the next snapshot takes over what has not
/// changed, so that sessions and caches of untouched listeners survive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Built {
    authenticators: Cache<Authenticator>,
    crls: Cache<SignedCrl>,
    certificates: Cache<CertifiedKey>,
    servers: Cache<ServerConfig>,
    clients: Cache<ClientConfig>,
    rewrites: Cache<RewriteRuleSet>,
}

/// One conversion under way.
struct Conversion<'a> {
    converter: &'a Converter,
    gateway: &'a wire::GatewaySnapshot,
    gateway_id: Arc<str>,
    material: &'a Material,
    built: Built,
    upstreams: HashMap<&'a str, Arc<crate::snapshot::Upstream>>,
    client_auths: HashMap<&'a str, Arc<ClientAuth>>,
    certificates: HashMap<&'a str, Arc<CertifiedKey>>,
    rewrites: HashMap<&'a str, Arc<RewriteRuleSet>>,
}

impl Rejected {
    /// A refusal of one part of the gateway.
    pub(crate) fn new(collection: &str, name: &str, property: &str, reason: impl Display) -> Self {
        Self {
            resource: format!("{collection}/{name}"),
            property: property.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// A refusal of the gateway as a whole.
    pub(crate) fn whole(reason: impl Display) -> Self {
        Self {
            resource: String::new(),
            property: String::new(),
            reason: reason.to_string(),
        }
    }
}

impl Converter {
    /// Converts `gateway`, taking over what `previous` has already built.
    ///
    /// # Errors
    /// [`Rejected`] names the first part that cannot be used.
    pub(crate) fn convert(
        &self,
        gateway: &wire::GatewaySnapshot,
        material: &Material,
        previous: &Built,
    ) -> Result<Converted, Rejected> {
        if !gateway.gateway_id.starts_with('/') {
            return Err(Rejected::whole("the snapshot names no gateway"));
        }
        let mut conversion = Conversion {
            converter: self,
            gateway,
            gateway_id: Arc::from(gateway.gateway_id.as_str()),
            material,
            built: previous.clone(),
            upstreams: HashMap::new(),
            client_auths: HashMap::new(),
            certificates: HashMap::new(),
            rewrites: HashMap::new(),
        };
        conversion.build_certificates()?;
        conversion.build_client_auths()?;
        conversion.build_upstreams()?;
        conversion.build_rewrites()?;
        let binds = conversion.build_binds()?;
        let Conversion {
            gateway_id,
            mut built,
            ..
        } = conversion;
        built.forget_unused();
        Ok(Converted {
            snapshot: Snapshot { gateway_id, binds },
            built,
        })
    }
}

impl Built {
    fn forget_unused(&mut self) {
        self.authenticators.forget_unused();
        self.crls.forget_unused();
        self.certificates.forget_unused();
        self.servers.forget_unused();
        self.clients.forget_unused();
        self.rewrites.forget_unused();
    }
}

/// Refuses an empty name, and one that `seen` already holds.
fn unique<'a>(
    seen: &mut HashSet<&'a str>,
    name: &'a str,
    collection: &str,
) -> Result<(), Rejected> {
    if name.is_empty() {
        return Err(Rejected::new(collection, name, "name", "the name is empty"));
    }
    if !seen.insert(name) {
        return Err(Rejected::new(
            collection,
            name,
            "name",
            "the name is given twice",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
