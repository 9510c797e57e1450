//! Binds, virtual hosts and their TLS.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use prost::Message;
use proto::config::v1 as wire;
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};

use super::cache::Key;
use super::{Conversion, Rejected, host, unique};
use crate::rewrite::ReservedFields;
use crate::snapshot::{Bind, BindProtocol, HostPatterns, Route, VirtualHost, VirtualHostTls};
use crate::tls::server_config::{self, ServerTls};
use crate::tls::tickets::TicketScope;

const LISTENERS: &str = "httpListeners";
const PORTS: &str = "frontendPorts";
/// The policy hash of virtual hosts that ask for no certificate. No client-auth policy has it: it is no SHA-256 that
/// anybody knows an input of.
const NO_CLIENT_AUTH: [u8; 32] = [0; 32];

impl Conversion<'_> {
    /// Converts every bind; addresses are unique afterwards.
    pub(super) fn build_binds(&mut self) -> Result<Vec<Arc<Bind>>, Rejected> {
        let mut seen = HashMap::new();
        let mut binds = Vec::with_capacity(self.gateway.binds.len());
        let reserved_fields = self.reserved_fields()?;
        for bind in &self.gateway.binds {
            let converted = self.bind(bind, &reserved_fields)?;
            if let Some(other) = seen.insert(converted.address, &bind.frontend_port) {
                let reason = format!(
                    "{} is also the address of frontend port {other}",
                    converted.address
                );
                return Err(Rejected::new(PORTS, &bind.frontend_port, "port", reason));
            }
            binds.push(Arc::new(converted));
        }
        Ok(binds)
    }

    fn bind(
        &mut self,
        bind: &wire::Bind,
        reserved_fields: &Arc<ReservedFields>,
    ) -> Result<Bind, Rejected> {
        let name = bind.frontend_port.as_str();
        let reject = |property, reason| Rejected::new(PORTS, name, property, reason);
        if name.is_empty() {
            return Err(reject("name", "the name is empty".to_owned()));
        }
        let protocol = match wire::BindProtocol::try_from(bind.protocol) {
            Ok(wire::BindProtocol::Http) => BindProtocol::Http,
            Ok(wire::BindProtocol::Https) => BindProtocol::Https,
            Ok(wire::BindProtocol::Unspecified) | Err(_) => {
                return Err(reject(
                    "protocol",
                    format!("protocol {} is not known", bind.protocol),
                ));
            }
        };
        let address = self.address(bind)?;
        let port = host::port(bind.port).map_err(|reason| reject("port", reason))?;
        if bind.virtual_hosts.is_empty() {
            return Err(reject("", "no listener uses it".to_owned()));
        }
        let address = SocketAddr::new(address, port);
        let mut seen = HashSet::new();
        let mut virtual_hosts = Vec::with_capacity(bind.virtual_hosts.len());
        for virtual_host in &bind.virtual_hosts {
            unique(&mut seen, &virtual_host.listener, LISTENERS)?;
            virtual_hosts.push(Arc::new(self.virtual_host(
                address,
                protocol,
                virtual_host,
            )?));
        }
        Ok(Bind {
            address,
            frontend_port: Arc::from(name),
            gateway_id: Arc::clone(&self.gateway_id),
            protocol,
            http2: self.gateway.http2 && protocol == BindProtocol::Https,
            reserved_fields: Arc::clone(reserved_fields),
            virtual_hosts,
        })
    }

    fn address(&self, bind: &wire::Bind) -> Result<IpAddr, Rejected> {
        if bind.address.is_empty() {
            return Ok(self.converter.public_address);
        }
        bind.address.parse().map_err(|_| {
            let reason = format!("`{}` is not an IP address", bind.address.escape_debug());
            Rejected::new(
                "frontendIPConfigurations",
                &bind.frontend_ip_configuration,
                "privateIPAddress",
                reason,
            )
        })
    }

    fn virtual_host(
        &mut self,
        address: SocketAddr,
        protocol: BindProtocol,
        virtual_host: &wire::VirtualHost,
    ) -> Result<VirtualHost, Rejected> {
        let name = virtual_host.listener.as_str();
        let hosts = match virtual_host.host_patterns.as_slice() {
            [] => HostPatterns::Any,
            patterns => {
                let patterns = patterns
                    .iter()
                    .map(|text| host::pattern(text))
                    .collect::<Result<_, _>>();
                HostPatterns::These(
                    patterns
                        .map_err(|reason| Rejected::new(LISTENERS, name, "hostNames", reason))?,
                )
            }
        };
        let tls = match protocol {
            BindProtocol::Http => {
                refuse_tls(virtual_host)?;
                None
            }
            BindProtocol::Https => Some(self.tls(address, virtual_host)?),
        };
        let route = virtual_host
            .route
            .as_ref()
            .map(|route| self.route(route))
            .transpose()?;
        Ok(VirtualHost {
            listener: Arc::from(name),
            hosts,
            tls,
            route,
        })
    }

    fn route(&self, route: &wire::Route) -> Result<Route, Rejected> {
        let upstream = self.upstreams.get(route.upstream.as_str()).ok_or_else(|| {
            let reason = format!("there is no upstream `{}`", route.upstream.escape_debug());
            Rejected::new(
                "requestRoutingRules",
                &route.rule,
                "backendAddressPool",
                reason,
            )
        })?;
        Ok(Route {
            rule: Arc::from(route.rule.as_str()),
            upstream: Arc::clone(upstream),
            rewrites: self.rewrite_rule_set(&route.rewrite_rule_set)?,
        })
    }

    fn tls(
        &mut self,
        address: SocketAddr,
        virtual_host: &wire::VirtualHost,
    ) -> Result<VirtualHostTls, Rejected> {
        let name = virtual_host.listener.as_str();
        let reject = |property, reason: String| Rejected::new(LISTENERS, name, property, reason);
        let certificate = self
            .certificates
            .get(virtual_host.server_certificate.as_str())
            .ok_or_else(|| {
                let missing = virtual_host.server_certificate.escape_debug();
                reject(
                    "sslCertificate",
                    format!("there is no SSL certificate `{missing}`"),
                )
            })?;
        let client_auth = match virtual_host.client_auth_policy.as_str() {
            "" => None,
            policy => Some(self.client_auths.get(policy).ok_or_else(|| {
                reject(
                    "sslProfile",
                    format!(
                        "there is no client authentication policy `{}`",
                        policy.escape_debug()
                    ),
                )
            })?),
        };
        let policy = virtual_host.tls_policy.as_ref();
        let policy =
            policy.ok_or_else(|| reject("sslProfile", "it has no TLS policy".to_owned()))?;
        let (versions, suites) = offer(policy).map_err(|reason| reject("sslProfile", reason))?;
        let client_auth = client_auth.map(Arc::clone);
        let policy_hash = client_auth
            .as_ref()
            .map_or(NO_CLIENT_AUTH, |it| *it.authenticator.policy_hash());
        let key = self.server_key(address, virtual_host, &versions, &suites);
        let http2 = self.gateway.http2;
        let certificate = Arc::clone(certificate);
        let clock = &self.converter.clock;
        let tickets = TicketScope {
            gateway_id: Arc::clone(&self.gateway_id),
            listener: Arc::from(name),
            keys: self.converter.ticket_keys.of(&self.gateway_id),
        };
        let config = self.built.servers.take_or_build(key, || {
            let tls = ServerTls {
                versions,
                suites,
                certificate,
                client_auth: client_auth.clone(),
                http2,
                tickets,
            };
            server_config::build(tls, clock)
                .map_err(|error| reject("sslProfile", error.to_string()))
        })?;
        Ok(VirtualHostTls {
            config,
            policy_hash,
            client_auth,
        })
    }

    /// Names all that goes into a server configuration, and the virtual host, since sessions may not be shared.
    fn server_key(
        &self,
        address: SocketAddr,
        virtual_host: &wire::VirtualHost,
        versions: &[&'static SupportedProtocolVersion],
        suites: &[SupportedCipherSuite],
    ) -> [u8; 32] {
        let certificate = self.gateway.server_certificates.iter();
        let certificate =
            certificate.filter(|certificate| certificate.name == virtual_host.server_certificate);
        let policies = self.gateway.client_auth_policies.iter();
        let policy = policies
            .filter(|policy| policy.name == virtual_host.client_auth_policy)
            .flat_map(Message::encode_to_vec)
            .collect::<Vec<u8>>();
        let versions: Vec<u8> = versions
            .iter()
            .flat_map(|version| u16::from(version.version).to_be_bytes())
            .collect();
        let suites: Vec<u8> = suites
            .iter()
            .flat_map(|suite| u16::from(suite.suite()).to_be_bytes())
            .collect();
        let key = Key::new("server")
            .field(address.to_string().as_bytes())
            .field(virtual_host.listener.as_bytes())
            .field(&policy)
            .field(&versions)
            .field(&suites)
            .field(&[u8::from(self.gateway.http2)]);
        certificate
            .fold(key, |key, it| {
                key.field(&it.chain_sha256).field(&it.key_sha256)
            })
            .finish()
    }
}

/// The versions and suites of a policy; nothing unknown, and for each version a suite.
type Offer = (
    Vec<&'static SupportedProtocolVersion>,
    Vec<SupportedCipherSuite>,
);

fn offer(policy: &wire::TlsPolicy) -> Result<Offer, String> {
    let mut versions = Vec::new();
    for number in &policy.versions {
        versions.push(match wire::TlsVersion::try_from(*number) {
            Ok(wire::TlsVersion::TlsVersion12) => &version::TLS12,
            Ok(wire::TlsVersion::TlsVersion13) => &version::TLS13,
            Ok(wire::TlsVersion::Unspecified) | Err(_) => {
                return Err(format!("TLS version {number} is not known"));
            }
        });
    }
    if versions.is_empty() {
        return Err("the TLS policy has no version".to_owned());
    }
    let suite = |number: &u32| {
        server_config::cipher_suite(*number)
            .ok_or_else(|| format!("cipher suite 0x{number:04x} is not available"))
    };
    let suites = policy
        .cipher_suites
        .iter()
        .map(suite)
        .collect::<Result<Vec<_>, _>>()?;
    match versions
        .iter()
        .find(|version| !suites.iter().any(|suite| suite.version() == **version))
    {
        Some(version) => Err(format!(
            "the TLS policy has no cipher suite for {:?}",
            version.version
        )),
        None => Ok((versions, suites)),
    }
}

fn refuse_tls(virtual_host: &wire::VirtualHost) -> Result<(), Rejected> {
    let reject = |property| {
        let reason = "a listener without TLS cannot have it";
        Err(Rejected::new(
            LISTENERS,
            &virtual_host.listener,
            property,
            reason,
        ))
    };
    if !virtual_host.server_certificate.is_empty() {
        return reject("sslCertificate");
    }
    if virtual_host.tls_policy.is_some() || !virtual_host.client_auth_policy.is_empty() {
        return reject("sslProfile");
    }
    Ok(())
}
