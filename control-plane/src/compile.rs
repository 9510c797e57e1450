//! From a valid gateway to what a worker is sent: ARM words become proxy words here and nowhere else.
//!
//! Pure and total; the same gateway gives the same bytes.

mod client_auth;
mod rewrite;

use std::collections::{BTreeMap, BTreeSet};

use model::{
    ApplicationGateway, BackendAddress, BackendHost, BackendHttpSettings, BackendProtocol,
    FrontendAddress, GatewayId, HttpListener, ListenerProtocol, RequestRoutingRule, RewriteRuleSet,
    SslCertificate, TlsPolicy, TlsVersions,
};
use prost::Message;
use proto::config::v1 as proto;

pub use self::client_auth::demands;
use crate::{certificate::sha256, extension::Extensions};

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
    /// Uploaded revocation lists that the snapshot refers to: SHA-256 of the DER; sorted.
    pub revocation_lists: Vec<[u8; 32]>,
}

/// Public bytes, named by their hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// SHA-256 of `bytes`.
    pub sha256: [u8; 32],
    /// What the bytes are; today always `BlobKind::Certificates`.
    pub kind: proto::BlobKind,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Lowers a gateway with what is stored beside it. Parts that no listener uses are left out.
pub fn snapshot(gateway: &ApplicationGateway, extensions: &Extensions) -> Compiled {
    let mut lowering = Lowering::new(extensions);
    let mut sockets = BTreeMap::new();
    for listener in gateway.listeners() {
        let bind = bind(listener);
        let key = (bind.address.clone(), bind.port);
        let socket = sockets.entry(key).or_insert_with(|| Socket {
            bind,
            ranked: Vec::new(),
        });
        // Listeners without a rule come last, in document order.
        let rank = listener
            .rule()
            .map_or(u32::MAX, |rule| u32::from(rule.priority().number()));
        socket.ranked.push((rank, lowering.virtual_host(listener)));
    }
    let snapshot = proto::GatewaySnapshot {
        gateway_id: gateway.id().to_string(),
        binds: sockets.into_values().map(Socket::in_order).collect(),
        upstreams: lowering.upstreams.into_values().collect(),
        client_auth_policies: lowering.policies.into_values().collect(),
        server_certificates: lowering.certificates.into_values().collect(),
        http2: gateway.http2(),
        rewrite_rule_sets: lowering.rewrites.into_values().collect(),
        reserved_request_headers: reserved(gateway),
    };
    let mut keys = lowering.keys;
    keys.sort_unstable();
    keys.dedup();
    Compiled {
        keys,
        blobs: lowering.blobs.into_values().collect(),
        revocation_lists: lowering.revocation_lists.into_iter().collect(),
        ..finish(&snapshot)
    }
}

/// The request fields that backends may take for the gateway's own words, so that no client may send them. Those of parts
/// that nothing uses count, too: a backend may know them from when they were used.
fn reserved(gateway: &ApplicationGateway) -> Vec<String> {
    let mut names = rewrite::reserved(gateway.rewrite_rule_sets());
    names.extend(client_auth::identity_fields(gateway.ssl_profiles()));
    names.sort_unstable();
    names.dedup();
    names
}

/// The snapshot of a stopped gateway: it listens nowhere.
pub fn stopped(id: &GatewayId) -> Compiled {
    let snapshot = proto::GatewaySnapshot {
        gateway_id: id.to_string(),
        ..Default::default()
    };
    finish(&snapshot)
}

/// The snapshot alone.
fn finish(snapshot: &proto::GatewaySnapshot) -> Compiled {
    let snapshot = snapshot.encode_to_vec();
    Compiled {
        sha256: sha256(&snapshot),
        snapshot,
        blobs: Vec::new(),
        keys: Vec::new(),
        revocation_lists: Vec::new(),
    }
}

/// One address and port.
struct Socket {
    /// Without virtual hosts.
    bind: proto::Bind,
    /// The virtual hosts with their ranks.
    ranked: Vec<(u32, proto::VirtualHost)>,
}

impl Socket {
    fn in_order(mut self) -> proto::Bind {
        self.ranked.sort_by_key(|(rank, _)| *rank);
        let virtual_hosts = self
            .ranked
            .into_iter()
            .map(|(_, virtual_host)| virtual_host)
            .collect();
        proto::Bind {
            virtual_hosts,
            ..self.bind
        }
    }
}

/// What the virtual hosts refer to, by name; and the blobs, by hash.
struct Lowering<'a> {
    extensions: &'a Extensions,
    upstreams: BTreeMap<String, proto::Upstream>,
    policies: BTreeMap<String, proto::ClientAuthPolicy>,
    certificates: BTreeMap<String, proto::ServerCertificate>,
    rewrites: BTreeMap<String, proto::RewriteRuleSet>,
    blobs: BTreeMap<[u8; 32], Blob>,
    keys: Vec<[u8; 32]>,
    revocation_lists: BTreeSet<[u8; 32]>,
}

impl<'a> Lowering<'a> {
    fn new(extensions: &'a Extensions) -> Self {
        Self {
            extensions,
            upstreams: BTreeMap::new(),
            policies: BTreeMap::new(),
            certificates: BTreeMap::new(),
            rewrites: BTreeMap::new(),
            blobs: BTreeMap::new(),
            keys: Vec::new(),
            revocation_lists: BTreeSet::new(),
        }
    }

    fn virtual_host(&mut self, listener: &HttpListener) -> proto::VirtualHost {
        let mut virtual_host = proto::VirtualHost {
            listener: listener.name().to_string(),
            host_patterns: listener.hosts().iter().map(ToString::to_string).collect(),
            route: listener.rule().map(|rule| self.route(rule)),
            ..Default::default()
        };
        if let ListenerProtocol::Https {
            certificate,
            profile,
            tls_policy,
        } = listener.protocol()
        {
            virtual_host.server_certificate = self.server_certificate(certificate);
            virtual_host.tls_policy = Some(lower_tls_policy(tls_policy));
            virtual_host.client_auth_policy = profile
                .as_ref()
                .and_then(|profile| self.client_auth(profile))
                .unwrap_or_default();
        }
        virtual_host
    }

    fn route(&mut self, rule: &RequestRoutingRule) -> proto::Route {
        let (pool, settings) = (rule.pool(), rule.settings());
        let name = format!("{}/{}", pool.name, settings.name());
        if !self.upstreams.contains_key(&name) {
            let upstream = proto::Upstream {
                name: name.clone(),
                pool: pool.name.to_string(),
                settings: settings.name().to_string(),
                endpoints: pool.addresses.iter().map(endpoint).collect(),
                port: u32::from(settings.port().number()),
                request_timeout_seconds: settings.request_timeout().seconds(),
                tls: self.upstream_tls(settings),
                host: host(settings.host()),
                path_prefix: settings
                    .path()
                    .map(|path| path.as_str().to_owned())
                    .unwrap_or_default(),
            };
            self.upstreams.insert(name.clone(), upstream);
        }
        proto::Route {
            rule: rule.name().to_string(),
            upstream: name,
            rewrite_rule_set: self.rewrite_rule_set(rule.rewrite_rule_set()),
        }
    }

    /// The name of the set; empty: there is none.
    fn rewrite_rule_set(&mut self, set: Option<&RewriteRuleSet>) -> String {
        let Some(set) = set else {
            return String::new();
        };
        let name = set.name().to_string();
        self.rewrites
            .entry(name.clone())
            .or_insert_with(|| rewrite::rule_set(set));
        name
    }

    fn upstream_tls(&mut self, settings: &BackendHttpSettings) -> Option<proto::UpstreamTls> {
        match settings.protocol() {
            BackendProtocol::Http => None,
            BackendProtocol::Https { roots, server_name } => {
                let bundle =
                    |root: &std::sync::Arc<model::TrustedRootCertificate>| proto::TrustBundle {
                        name: root.name.to_string(),
                        sha256: self.certificate_list(&root.certificates),
                    };
                Some(proto::UpstreamTls {
                    roots: roots.iter().map(bundle).collect(),
                    server_name: server_name
                        .as_ref()
                        .map(|name| name.as_str().to_owned())
                        .unwrap_or_default(),
                })
            }
        }
    }

    fn server_certificate(&mut self, certificate: &SslCertificate) -> String {
        let name = certificate.name.to_string();
        let lowered = proto::ServerCertificate {
            name: name.clone(),
            chain_sha256: self.certificate_list(&certificate.chain),
            key_sha256: certificate.key_sha256.to_vec(),
        };
        self.keys.push(certificate.key_sha256);
        self.certificates.insert(name.clone(), lowered);
        name
    }

    /// Keeps the list as a blob and gives its hash.
    fn certificate_list(
        &mut self,
        certificates: &[rustls_pki_types::CertificateDer<'_>],
    ) -> Vec<u8> {
        let list = proto::CertificateList {
            certificates: certificates.iter().map(|der| der.to_vec()).collect(),
        };
        let bytes = list.encode_to_vec();
        let hash = sha256(&bytes);
        self.blobs.entry(hash).or_insert(Blob {
            sha256: hash,
            kind: proto::BlobKind::Certificates,
            bytes,
        });
        hash.to_vec()
    }
}

/// The bind of a listener, without virtual hosts.
fn bind(listener: &HttpListener) -> proto::Bind {
    let frontend = listener.frontend_ip_configuration();
    let protocol = match listener.protocol() {
        ListenerProtocol::Http => proto::BindProtocol::Http,
        ListenerProtocol::Https { .. } => proto::BindProtocol::Https,
    };
    proto::Bind {
        frontend_port: listener.frontend_port().name.to_string(),
        frontend_ip_configuration: frontend.name.to_string(),
        address: match frontend.address {
            FrontendAddress::OfWorker => String::new(),
            FrontendAddress::Literal(address) => address.to_string(),
        },
        port: u32::from(listener.frontend_port().port.number()),
        protocol: protocol.into(),
        virtual_hosts: Vec::new(),
    }
}

fn endpoint(address: &BackendAddress) -> String {
    match address {
        BackendAddress::Ip(address) => address.to_string(),
        BackendAddress::Fqdn(name) => name.as_str().to_owned(),
    }
}

fn host(host: &BackendHost) -> Option<proto::upstream::Host> {
    match host {
        BackendHost::OfClient => None,
        BackendHost::Fixed(name) => {
            Some(proto::upstream::Host::FixedHost(name.as_str().to_owned()))
        }
        BackendHost::OfTarget => Some(proto::upstream::Host::EndpointHost(true)),
    }
}

fn lower_tls_policy(policy: &TlsPolicy) -> proto::TlsPolicy {
    let versions: &[proto::TlsVersion] = match policy.versions() {
        TlsVersions::Tls12 => &[proto::TlsVersion::TlsVersion12],
        TlsVersions::Tls12And13 => &[
            proto::TlsVersion::TlsVersion12,
            proto::TlsVersion::TlsVersion13,
        ],
        TlsVersions::Tls13 => &[proto::TlsVersion::TlsVersion13],
    };
    proto::TlsPolicy {
        versions: versions.iter().map(|version| i32::from(*version)).collect(),
        cipher_suites: policy
            .suites()
            .iter()
            .map(|suite| u32::from(suite.iana()))
            .collect(),
    }
}
