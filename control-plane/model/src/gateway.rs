//! The gateway as a whole, and the rules between its parts.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use crate::backend::{BackendAddressPool, BackendHttpSettings, BackendProtocol, TARGET_LIMIT};
use crate::certificate::{SslCertificate, TrustedClientCertificate, TrustedRootCertificate};
use crate::check::{At, Check, Index};
use crate::collection::Collection;
use crate::draft;
use crate::frontend::{FrontendAddress, FrontendIpConfiguration, FrontendPort};
use crate::id::GatewayId;
use crate::listener::{HttpListener, ListenerProtocol};
use crate::name::ResourceName;
use crate::port::{Port, Priority};
use crate::profile::{ClientAuth, SslProfile};
use crate::rewrite::RewriteRuleSet;
use crate::rule::RequestRoutingRule;
use crate::tls::TlsPolicy;
use crate::violation::{Violation, ViolationCode};

/// How many uploads of client CAs a profile may have.
const TRUSTED_PER_PROFILE: usize = 100;

/// A valid gateway. Its listeners hold all that they refer to, so there is nothing left to look up and nothing that
/// can be missing. What no listener uses was checked like the rest and is not kept, but for SSL profiles and
/// rewrite rule sets.
#[derive(Debug, Clone)]
pub struct ApplicationGateway {
    id: GatewayId,
    http2: bool,
    listeners: Vec<HttpListener>,
    ssl_profiles: Vec<SslProfile>,
    rewrite_rule_sets: Vec<RewriteRuleSet>,
}

impl ApplicationGateway {
    /// Checks how the parts fit together and resolves their references.
    ///
    /// # Errors
    /// Every violation found. None, if only [`Entry::Refused`](crate::Entry::Refused) parts, reported before, stand in
    /// the way.
    pub fn new(id: GatewayId, draft: draft::ApplicationGateway) -> Result<Self, Vec<Violation>> {
        let mut check = Check::new(&id);
        one_policy_generation(&mut check, &draft);
        let mut numbers = HashMap::new();
        let frontends = check.index(draft.frontend_ip_configurations, |_, _, frontend| {
            Some(frontend)
        });
        let ports = check.index(draft.frontend_ports, |check, at, port| {
            unique_number(check, at, &port, &mut numbers);
            Some(port)
        });
        let certificates = check.index(draft.ssl_certificates, |_, _, certificate| {
            Some(certificate)
        });
        let trusted = check.index(draft.trusted_client_certificates, |_, _, certificate| {
            Some(certificate)
        });
        let roots = check.index(draft.trusted_root_certificates, |_, _, certificate| {
            Some(certificate)
        });
        let probes = check.index(draft.probes, |_, _, probe| Some(probe));
        let mut ssl_profiles = Vec::with_capacity(draft.ssl_profiles.len());
        let profiles = check.index(draft.ssl_profiles, |check, at, profile| {
            let profile = ssl_profile(check, at, profile, &trusted)?;
            ssl_profiles.push(profile.clone());
            Some(profile)
        });
        let pools = check.index(draft.backend_address_pools, |check, at, pool| {
            check.limit(
                &at.property("backendAddresses"),
                pool.addresses.len(),
                TARGET_LIMIT,
            );
            Some(pool)
        });
        let settings = check.index(draft.backend_http_settings, |check, at, settings| {
            backend_http_settings(check, at, settings, &roots, &probes)
        });
        let mut rewrite_rule_sets = Vec::with_capacity(draft.rewrite_rule_sets.len());
        let rewrites = check.index(draft.rewrite_rule_sets, |_, _, set| {
            rewrite_rule_sets.push(set.clone());
            Some(set)
        });
        let listeners = Check::names(&draft.http_listeners);
        let mut rules = Rules {
            priorities: HashMap::new(),
            of_listener: HashMap::new(),
        };
        check.index(draft.request_routing_rules, |check, at, rule| {
            rules.add(
                check,
                at,
                rule,
                &Destinations {
                    listeners: &listeners,
                    pools: &pools,
                    settings: &settings,
                    rewrites: &rewrites,
                },
            )
        });
        let gateway_policy = draft.tls_policy.unwrap_or_else(TlsPolicy::predefined_2022);
        let surroundings = Surroundings {
            frontends,
            ports,
            certificates,
            profiles,
            gateway_policy,
            rules: rules.of_listener,
        };
        let mut sockets = HashMap::new();
        let mut listeners = Vec::new();
        check.index(draft.http_listeners, |check, at, listener| {
            let listener = surroundings.listener(check, at, listener)?;
            distinct(check, at, &listener, &mut sockets);
            listeners.push(listener);
            Some(())
        });
        check.finish()?;
        Ok(Self {
            id,
            http2: draft.http2,
            listeners,
            ssl_profiles,
            rewrite_rule_sets,
        })
    }

    /// Its ARM id.
    pub fn id(&self) -> &GatewayId {
        &self.id
    }

    /// Whether clients may speak HTTP/2.
    pub fn http2(&self) -> bool {
        self.http2
    }

    /// In document order.
    pub fn listeners(&self) -> &[HttpListener] {
        &self.listeners
    }

    /// In document order, those that no listener uses included.
    pub fn ssl_profiles(&self) -> &[SslProfile] {
        &self.ssl_profiles
    }

    /// Whether a rule uses them or not; in document order.
    pub fn rewrite_rule_sets(&self) -> &[RewriteRuleSet] {
        &self.rewrite_rule_sets
    }
}

fn ssl_profile(
    check: &mut Check<'_>,
    at: &At,
    profile: draft::SslProfile,
    trusted: &Index<TrustedClientCertificate>,
) -> Option<SslProfile> {
    let client_auth = match profile.client_auth {
        None => None,
        Some(auth) => {
            let property = "trustedClientCertificates";
            check.limit(
                &at.property(property),
                auth.trusted.len(),
                TRUSTED_PER_PROFILE,
            );
            let trusted = check.references(at, property, &auth.trusted, trusted)?;
            Some(ClientAuth {
                mode: auth.mode,
                trusted,
                verify_issuer: auth.verify_issuer,
                revocation: auth.revocation,
                policy: auth.policy,
            })
        }
    };
    Some(SslProfile {
        name: profile.name,
        tls_policy: profile.tls_policy,
        client_auth,
    })
}

fn backend_http_settings(
    check: &mut Check<'_>,
    at: &At,
    settings: draft::BackendHttpSettings,
    roots: &Index<TrustedRootCertificate>,
    probes: &Index<draft::Probe>,
) -> Option<BackendHttpSettings> {
    if let Some(probe) = &settings.probe {
        check.reference(at, "probe", probe, probes)?;
    }
    let protocol = match settings.protocol {
        draft::BackendProtocol::Http => BackendProtocol::Http,
        draft::BackendProtocol::Https {
            roots: names,
            server_name,
        } => {
            let roots = check.references(at, "trustedRootCertificates", &names, roots)?;
            BackendProtocol::Https { roots, server_name }
        }
    };
    Some(BackendHttpSettings {
        name: settings.name,
        port: settings.port,
        request_timeout: settings.request_timeout,
        host: settings.host,
        path: settings.path,
        protocol,
    })
}

/// What rules refer to.
struct Destinations<'a> {
    listeners: &'a Index<ResourceName>,
    pools: &'a Index<BackendAddressPool>,
    settings: &'a Index<BackendHttpSettings>,
    rewrites: &'a Index<RewriteRuleSet>,
}

/// The rules so far.
struct Rules {
    priorities: HashMap<Priority, ResourceName>,
    of_listener: HashMap<ResourceName, Arc<RequestRoutingRule>>,
}

impl Rules {
    /// Resolves one rule and hands it to its listener.
    fn add(
        &mut self,
        check: &mut Check<'_>,
        at: &At,
        rule: draft::RequestRoutingRule,
        destinations: &Destinations<'_>,
    ) -> Option<()> {
        unique_priority(check, at, &rule, &mut self.priorities);
        let listener = check.reference(at, "httpListener", &rule.listener, destinations.listeners);
        let pool = check.reference(at, "backendAddressPool", &rule.pool, destinations.pools);
        let settings = check.reference(
            at,
            "backendHttpSettings",
            &rule.settings,
            destinations.settings,
        );
        let rewrite_rule_set = match &rule.rewrite_rule_set {
            None => None,
            Some(name) => {
                Some(check.reference(at, "rewriteRuleSet", name, destinations.rewrites)?)
            }
        };
        let rule = RequestRoutingRule {
            name: rule.name,
            priority: rule.priority,
            pool: pool?,
            settings: settings?,
            rewrite_rule_set,
        };
        match self.of_listener.entry(listener?.as_ref().clone()) {
            Slot::Vacant(slot) => {
                slot.insert(Arc::new(rule));
            }
            Slot::Occupied(first) => check.report(
                ViolationCode::ApplicationGatewayHttpListenerUsedByMultipleRules,
                at.property("httpListener"),
                format!(
                    "Listener {} is used by rule {} already.",
                    first.key(),
                    first.get().name
                ),
            ),
        }
        Some(())
    }
}

/// What listeners refer to, and the rules that refer to them.
struct Surroundings {
    frontends: Index<FrontendIpConfiguration>,
    ports: Index<FrontendPort>,
    certificates: Index<SslCertificate>,
    profiles: Index<SslProfile>,
    gateway_policy: TlsPolicy,
    rules: HashMap<ResourceName, Arc<RequestRoutingRule>>,
}

impl Surroundings {
    fn listener(
        &self,
        check: &mut Check<'_>,
        at: &At,
        listener: draft::HttpListener,
    ) -> Option<HttpListener> {
        let frontend = &listener.frontend_ip_configuration;
        let frontend = check.reference(at, "frontendIPConfiguration", frontend, &self.frontends);
        let port = check.reference(at, "frontendPort", &listener.frontend_port, &self.ports);
        let protocol = match &listener.protocol {
            draft::ListenerProtocol::Http => Some(ListenerProtocol::Http),
            draft::ListenerProtocol::Https {
                certificate,
                profile,
            } => self.https(check, at, certificate, profile.as_ref()),
        };
        Some(HttpListener {
            rule: self.rules.get(&listener.name).cloned(),
            name: listener.name,
            frontend_ip_configuration: frontend?,
            frontend_port: port?,
            hosts: listener.hosts,
            protocol: protocol?,
        })
    }

    fn https(
        &self,
        check: &mut Check<'_>,
        at: &At,
        certificate: &ResourceName,
        profile: Option<&ResourceName>,
    ) -> Option<ListenerProtocol> {
        let certificate = check.reference(at, "sslCertificate", certificate, &self.certificates);
        let profile = match profile {
            None => None,
            Some(name) => Some(check.reference(at, "sslProfile", name, &self.profiles)?),
        };
        let own = profile.as_ref().and_then(|profile| profile.tls_policy());
        let tls_policy = own.unwrap_or(&self.gateway_policy).clone();
        Some(ListenerProtocol::Https {
            certificate: certificate?,
            profile,
            tls_policy,
        })
    }
}

/// Azure: policies of 2022 and `CustomV2` cannot stand beside older ones and `Custom`. A policy that nobody named does
/// not count.
fn one_policy_generation(check: &mut Check<'_>, draft: &draft::ApplicationGateway) {
    let of_profiles =
        draft
            .ssl_profiles
            .iter()
            .enumerate()
            .filter_map(|(index, entry)| match entry {
                crate::Entry::Valid(profile) => {
                    let policy = profile.tls_policy.as_ref()?;
                    Some((
                        format!(
                            "properties.{}[{index}].properties.sslPolicy",
                            Collection::SSL_PROFILES
                        ),
                        policy,
                    ))
                }
                crate::Entry::Refused(_) => None,
            });
    let own = draft
        .tls_policy
        .iter()
        .map(|policy| ("properties.sslPolicy".to_owned(), policy));
    let mut first = None;
    for (target, policy) in own.chain(of_profiles) {
        if *first.get_or_insert(policy.generation()) != policy.generation() {
            let message = "TLS policies of the old generation (2017 and Custom) and of the new one (2022 and CustomV2) \
                           cannot be used in one gateway.";
            check.report(
                ViolationCode::ApplicationGatewaySslPolicyGenerationsConflict,
                target,
                message,
            );
        }
    }
}

fn unique_number(
    check: &mut Check<'_>,
    at: &At,
    port: &FrontendPort,
    seen: &mut HashMap<Port, ResourceName>,
) {
    match seen.entry(port.port) {
        Slot::Vacant(slot) => {
            slot.insert(port.name.clone());
        }
        Slot::Occupied(first) => check.report(
            ViolationCode::ApplicationGatewayFrontendPortsConflict,
            at.property("port"),
            format!(
                "Port {} is that of frontend port {} already.",
                port.port,
                first.get()
            ),
        ),
    }
}

fn unique_priority(
    check: &mut Check<'_>,
    at: &At,
    rule: &draft::RequestRoutingRule,
    seen: &mut HashMap<Priority, ResourceName>,
) {
    match seen.entry(rule.priority) {
        Slot::Vacant(slot) => {
            slot.insert(rule.name.clone());
        }
        Slot::Occupied(first) => check.report(
            ViolationCode::ApplicationGatewayRequestRoutingRulePriorityMustBeUnique,
            at.property("priority"),
            format!(
                "Priority {} is that of rule {} already.",
                rule.priority,
                first.get()
            ),
        ),
    }
}

/// Who is on one address and port.
struct Socket {
    frontend: ResourceName,
    https: bool,
    listener: ResourceName,
    /// The listener of each host; the empty host stands for a basic listener.
    hosts: HashMap<String, ResourceName>,
}

/// Reports a listener that another one leaves no room for.
fn distinct(
    check: &mut Check<'_>,
    at: &At,
    listener: &HttpListener,
    sockets: &mut HashMap<(FrontendAddress, Port), Socket>,
) {
    let frontend = &listener.frontend_ip_configuration;
    let https = matches!(listener.protocol, ListenerProtocol::Https { .. });
    let socket = sockets
        .entry((frontend.address, listener.frontend_port.port))
        .or_insert_with(|| Socket {
            frontend: frontend.name.clone(),
            https,
            listener: listener.name.clone(),
            hosts: HashMap::new(),
        });
    if socket.frontend != frontend.name {
        // Differs from Azure: a public and a private frontend share a port there, since each has its own address.
        let message = format!(
            "Frontend IP configurations {} and {} stand for the same address of the worker, so they cannot both use port \
             {}. Give one of them a privateIPAddress.",
            socket.frontend, frontend.name, listener.frontend_port.port
        );
        let code = ViolationCode::ApplicationGatewayFrontendIpConfigurationsConflict;
        return check.report(code, at.property("frontendIPConfiguration"), message);
    }
    if socket.https != https {
        let message = format!(
            "Listener {} speaks another protocol on the same address and port.",
            socket.listener
        );
        let code = ViolationCode::ApplicationGatewayHttpListenerProtocolsConflict;
        check.report(code, at.property("protocol"), message);
    }
    let every = std::iter::once("").filter(|_| listener.hosts.is_empty());
    for host in listener
        .hosts
        .iter()
        .map(crate::HostPattern::as_str)
        .chain(every)
    {
        if let Some(first) = socket.hosts.insert(host.to_owned(), listener.name.clone()) {
            let host = if host.is_empty() { "every host" } else { host };
            let message =
                format!("Listener {first} serves {host} on the same address and port already.");
            check.report(
                ViolationCode::ApplicationGatewayHttpListenersConflict,
                at.path(),
                message,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, HostPattern};

    fn name(text: &str) -> ResourceName {
        ResourceName::parse(text).unwrap()
    }

    fn draft(port: Entry<FrontendPort>) -> draft::ApplicationGateway {
        let frontend = crate::FrontendIpConfiguration {
            name: name("fe"),
            address: FrontendAddress::OfWorker,
        };
        let listener = draft::HttpListener {
            name: name("l"),
            frontend_ip_configuration: name("FE"),
            frontend_port: name("P"),
            hosts: vec![HostPattern::parse("a.example").unwrap()],
            protocol: draft::ListenerProtocol::Http,
        };
        draft::ApplicationGateway {
            frontend_ip_configurations: vec![Entry::Valid(frontend)],
            frontend_ports: vec![port],
            http_listeners: vec![Entry::Valid(listener)],
            ..Default::default()
        }
    }

    fn gateway(port: Entry<FrontendPort>) -> Result<ApplicationGateway, Vec<Violation>> {
        let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Network/\
                  applicationGateways/gw";
        ApplicationGateway::new(GatewayId::parse(id).unwrap(), draft(port))
    }

    #[test]
    fn references_are_resolved_in_any_casing() {
        let port = FrontendPort {
            name: name("p"),
            port: Port::new(80).unwrap(),
        };
        let gateway = gateway(Entry::Valid(port)).unwrap();
        assert_eq!(gateway.listeners()[0].frontend_port().name.as_str(), "p");
    }

    #[test]
    fn what_refers_to_a_refused_part_is_not_reported() {
        assert_eq!(gateway(Entry::Refused(Some(name("p")))).unwrap_err(), []);
    }

    #[test]
    fn what_refers_to_nothing_is_reported() {
        let violations = gateway(Entry::Refused(Some(name("q")))).unwrap_err();
        assert_eq!(
            violations[0].target,
            "properties.httpListeners[0].properties.frontendPort"
        );
    }
}
