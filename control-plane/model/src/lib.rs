//! Pure domain types and rules of the control plane, in ARM's words. No I/O, no serde, no clock.
//!
//! An [`ApplicationGateway`] is always valid: its constructor checks all that can be checked without I/O and returns
//! every violation at once. It takes a [`draft::ApplicationGateway`], whose parts refer to each other by name, and
//! gives a value whose parts hold each other.

mod backend;
mod caseless;
mod certificate;
mod check;
mod child;
mod collection;
pub mod draft;
mod frontend;
mod gateway;
mod host;
mod id;
mod listener;
mod name;
mod policy;
mod port;
mod profile;
pub mod rewrite;
mod rule;
mod secret;
mod state;
mod tls;
mod violation;

pub use backend::{
    BackendAddress, BackendAddressPool, BackendHost, BackendHttpSettings, BackendProtocol, DnsName,
    InvalidDnsName, InvalidPath, PathPrefix, TARGET_LIMIT,
};
pub use certificate::{SslCertificate, TrustedClientCertificate, TrustedRootCertificate};
pub use child::{Child, Entry};
pub use collection::Collection;
pub use frontend::{FrontendAddress, FrontendIpConfiguration, FrontendPort};
pub use gateway::ApplicationGateway;
pub use host::{HostPattern, InvalidHostPattern};
pub use id::{ChildId, GatewayId, InvalidId, ResourceGroupId};
pub use listener::{HttpListener, ListenerProtocol};
pub use name::{InvalidName, ResourceGroupName, ResourceName, SubscriptionId};
pub use policy::{
    ClientAuthPolicy, Enforcement, GracePeriod, IdentityHeaders, MaxIntermediates, RefusalForm,
    RevocationRule, RevocationRules, SessionLifetime,
};
pub use port::{OutOfRange, Port, Priority, RequestTimeout};
pub use profile::{ClientAuth, ClientAuthMode, ClientRevocation, SslProfile};
pub use rewrite::{RewriteRule, RewriteRuleSet};
pub use rule::RequestRoutingRule;
pub use secret::Secret;
pub use state::{OperationalState, ProvisioningState};
pub use tls::{CipherSuite, NoCipherSuite, PolicyGeneration, TlsPolicy, TlsVersions};
pub use violation::{Violation, ViolationCode};
