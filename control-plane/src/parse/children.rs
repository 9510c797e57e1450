//! Typed children from a canonical document. Each is checked by itself here; how they fit together is the model's matter.

use std::net::IpAddr;

use model::{
    BackendAddress, BackendAddressPool, BackendHost, Collection, DnsName, Entry, FrontendAddress,
    FrontendIpConfiguration, FrontendPort, GatewayId, HostPattern, PathPrefix, Port, Priority,
    RequestTimeout, ResourceName, ViolationCode as Code, draft,
};
use serde_json::{Map, Value};

use super::node::{Node, Owner, Refused};
use super::{client_auth, path};
use crate::extension::Policies;
use crate::tls_policy;
use crate::violations::Findings;

/// Azure: at most five host names in a listener.
const HOST_LIMIT: usize = 5;

/// Reads one collection with `read`, which reports what is wrong and gives `None` then.
pub(super) fn collect<T>(
    gateway: &GatewayId,
    document: &Map<String, Value>,
    collection: Collection,
    findings: &mut Findings,
    read: impl Fn(&Node<'_>, ResourceName, &mut Findings) -> Option<T>,
) -> Vec<Entry<T>> {
    let nothing = Map::new();
    let one = |(index, child): (usize, &Value)| {
        let Ok(name) = ResourceName::parse(path::name(child)) else {
            return Entry::Refused(None);
        };
        let place = format!("properties.{collection}[{index}]");
        let members = child
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&nothing);
        let owner = Owner {
            gateway,
            collection,
            name: &name,
            extension: "",
        };
        let node = Node {
            members,
            path: &format!("{place}.properties"),
            owner,
        };
        let found = read(&node, name.clone(), findings);
        // What was left out of it because of its shape could make the rest mean something else.
        found
            .filter(|_| !findings.concern(&place))
            .map_or(Entry::Refused(Some(name)), Entry::Valid)
    };
    path::children(document, collection.as_str())
        .iter()
        .enumerate()
        .map(one)
        .collect()
}

pub(super) fn frontend_ip_configuration(
    node: &Node<'_>,
    name: ResourceName,
    findings: &mut Findings,
) -> Option<FrontendIpConfiguration> {
    let literal = node.parsed("privateIPAddress", address, findings).ok()?;
    if node.text("privateIPAllocationMethod") == Some("Static") && literal.is_none() {
        node.missing("privateIPAddress", findings);
        return None;
    }
    if literal.is_some() && node.members.contains_key("publicIPAddress") {
        node.invalid(
            "privateIPAddress",
            "a frontend has a public address or a private one, not both",
            findings,
        );
        return None;
    }
    Some(FrontendIpConfiguration {
        name,
        address: literal.map_or(FrontendAddress::OfWorker, FrontendAddress::Literal),
    })
}

/// An address that can be listened on.
fn address(text: &str) -> Result<IpAddr, String> {
    // `::ffff:10.0.0.1` is the socket of `10.0.0.1`.
    match text.parse().map(|address: IpAddr| address.to_canonical()) {
        Ok(address) if address.is_unspecified() || address.is_multicast() => {
            Err(format!("{address} is no address of one interface"))
        }
        Ok(address) => Ok(address),
        Err(_) => Err("it is not an IP address".to_owned()),
    }
}

pub(super) fn frontend_port(
    node: &Node<'_>,
    name: ResourceName,
    findings: &mut Findings,
) -> Option<FrontendPort> {
    Some(FrontendPort {
        name,
        port: node.number("port", Port::new, findings)?,
    })
}

pub(super) fn ssl_profile(
    node: &Node<'_>,
    name: ResourceName,
    policies: &Policies,
    findings: &mut Findings,
) -> Option<draft::SslProfile> {
    let tls_policy = match node.object("sslPolicy") {
        None => Ok(None),
        Some(policy) => tls_policy::parse(policy, &node.at("sslPolicy"), findings)
            .map(Some)
            .ok_or(Refused),
    };
    let trusted = node.references(
        "trustedClientCertificates",
        Collection::TRUSTED_CLIENT_CERTIFICATES,
        findings,
    );
    let configuration = node.object("clientAuthConfiguration");
    let says_nothing = !node.members.contains_key("sslPolicy")
        && configuration.is_none()
        && trusted.as_ref().is_ok_and(Vec::is_empty);
    if says_nothing {
        client_auth::says_nothing(node.owner.gateway, name.as_str(), node.path, findings);
        return None;
    }
    let asked = trusted.and_then(|trusted| client_auth::read(node, trusted, policies, findings));
    Some(draft::SslProfile {
        name,
        tls_policy: tls_policy.ok()?,
        client_auth: asked.ok()?,
    })
}

pub(super) fn http_listener(
    node: &Node<'_>,
    name: ResourceName,
    findings: &mut Findings,
) -> Option<draft::HttpListener> {
    let frontend = Collection::FRONTEND_IP_CONFIGURATIONS;
    let frontend_ip_configuration =
        node.required_reference("frontendIPConfiguration", frontend, findings);
    let frontend_port =
        node.required_reference("frontendPort", Collection::FRONTEND_PORTS, findings);
    let protocol = listener_protocol(node, findings);
    let hosts = hosts(node, findings);
    if node.flag("requireServerNameIndication") && hosts.as_ref().is_ok_and(Vec::is_empty) {
        let message = "HostName must be specified if RequireServerNameIndication is true.";
        let code = Code::ApplicationGatewayHttpListenerHostNameRequired;
        findings.add(code, &node.at("requireServerNameIndication"), message);
    }
    Some(draft::HttpListener {
        name,
        frontend_ip_configuration: frontend_ip_configuration?,
        frontend_port: frontend_port?,
        hosts: hosts.ok()?,
        protocol: protocol?,
    })
}

fn listener_protocol(node: &Node<'_>, findings: &mut Findings) -> Option<draft::ListenerProtocol> {
    let certificate = node.reference("sslCertificate", Collection::SSL_CERTIFICATES, findings);
    let profile = node.reference("sslProfile", Collection::SSL_PROFILES, findings);
    match node.text("protocol") {
        Some("Http") => {
            for member in ["sslCertificate", "sslProfile"] {
                if node.members.contains_key(member) {
                    let message = format!("{member} of {} needs protocol Https.", node.owner.id());
                    let code = Code::ApplicationGatewayHttpListenerPropertyRequiresHttps;
                    findings.add(code, &node.at(member), message);
                }
            }
            Some(draft::ListenerProtocol::Http)
        }
        Some("Https") => {
            if certificate == Ok(None) {
                let message = format!(
                    "Listener {} needs an sslCertificate for protocol Https.",
                    node.owner.id()
                );
                let code = Code::ApplicationGatewayHttpListenerCertificateRequired;
                findings.add(code, &node.at("sslCertificate"), message);
            }
            Some(draft::ListenerProtocol::Https {
                certificate: certificate.ok()??,
                profile: profile.ok()?,
            })
        }
        other => {
            match other {
                None => node.missing("protocol", findings),
                Some(_) => node.invalid(
                    "protocol",
                    "an HTTP listener speaks Http or Https",
                    findings,
                ),
            }
            None
        }
    }
}

fn hosts(node: &Node<'_>, findings: &mut Findings) -> Result<Vec<HostPattern>, Refused> {
    let names = node.array("hostNames");
    let single = node.text("hostName");
    if single.is_some() && !names.is_empty() {
        let message = "A listener has hostName or hostNames, not both.";
        let code = Code::ApplicationGatewayHttpListenerHostNameAndHostNamesConflict;
        findings.add(code, &node.at("hostName"), message);
        return Err(Refused);
    }
    if names.len() > HOST_LIMIT {
        let message = format!(
            "A listener has at most {HOST_LIMIT} host names, not {}.",
            names.len()
        );
        findings.add(Code::LimitExceeded, &node.at("hostNames"), message);
        return Err(Refused);
    }
    let mut host = |target: &str, parsed: Result<HostPattern, model::InvalidHostPattern>| {
        parsed.map_err(|error| {
            findings.add(
                Code::ApplicationGatewayHttpListenerInvalidHostName,
                target,
                format!("{error}."),
            );
            Refused
        })
    };
    if let Some(single) = single {
        return Ok(vec![host(
            &node.at("hostName"),
            HostPattern::parse_exact(single),
        )?]);
    }
    let text = |name: &Value| HostPattern::parse(name.as_str().unwrap_or_default());
    let target = |index| format!("{}[{index}]", node.at("hostNames"));
    let all: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(index, name)| host(&target(index), text(name)))
        .collect();
    all.into_iter().collect()
}

pub(super) fn backend_address_pool(
    node: &Node<'_>,
    name: ResourceName,
    findings: &mut Findings,
) -> Option<BackendAddressPool> {
    let values = node.array("backendAddresses");
    let all: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(index, value)| backend_address(node, index, value, findings))
        .collect();
    Some(BackendAddressPool {
        name,
        addresses: all.into_iter().collect::<Option<_>>()?,
    })
}

fn backend_address(
    node: &Node<'_>,
    index: usize,
    value: &Value,
    findings: &mut Findings,
) -> Option<BackendAddress> {
    let place = format!("{}[{index}]", node.at("backendAddresses"));
    let nothing = Map::new();
    let members = value.as_object().unwrap_or(&nothing);
    let address = Node {
        members,
        path: &place,
        owner: node.owner,
    };
    match (address.text("ipAddress"), address.text("fqdn")) {
        (Some(_), None) => {
            let parse = |text: &str| text.parse().map_err(|_| "it is not an IP address");
            address
                .parsed("ipAddress", parse, findings)
                .ok()?
                .map(BackendAddress::Ip)
        }
        (None, Some(fqdn)) => match fqdn.parse() {
            // The portal lets people type addresses into the field for names.
            Ok(ip) => Some(BackendAddress::Ip(ip)),
            Err(_) => address
                .parsed("fqdn", DnsName::parse, findings)
                .ok()?
                .map(BackendAddress::Fqdn),
        },
        (None, None) | (Some(_), Some(_)) => {
            let message = format!(
                "A backend address of {} has either ipAddress or fqdn.",
                node.owner.id()
            );
            findings.add(Code::InvalidPropertyValue, &place, message);
            None
        }
    }
}

pub(super) fn backend_http_settings(
    node: &Node<'_>,
    name: ResourceName,
    findings: &mut Findings,
) -> Option<draft::BackendHttpSettings> {
    let port = node.number("port", Port::new, findings);
    let request_timeout = node.number("requestTimeout", RequestTimeout::new, findings);
    let protocol = backend_protocol(node, findings);
    let host = backend_host(node, findings);
    let path = node.parsed("path", PathPrefix::parse, findings);
    let probe = node.reference("probe", Collection::PROBES, findings);
    draining(node, findings);
    Some(draft::BackendHttpSettings {
        name,
        port: port?,
        request_timeout: request_timeout?,
        host: host?,
        path: path.ok()?.flatten(),
        probe: probe.ok()?,
        protocol: protocol?,
    })
}

fn backend_protocol(node: &Node<'_>, findings: &mut Findings) -> Option<draft::BackendProtocol> {
    let roots = node.references(
        "trustedRootCertificates",
        Collection::TRUSTED_ROOT_CERTIFICATES,
        findings,
    );
    let server_name = node.parsed("sniName", DnsName::parse, findings);
    match node.text("protocol") {
        Some("Http") => Some(draft::BackendProtocol::Http),
        Some("Https") => Some(draft::BackendProtocol::Https {
            roots: roots.ok()?,
            server_name: server_name.ok()?,
        }),
        other => {
            match other {
                None => node.missing("protocol", findings),
                Some(_) => node.invalid(
                    "protocol",
                    "backend HTTP settings speak Http or Https",
                    findings,
                ),
            }
            None
        }
    }
}

fn backend_host(node: &Node<'_>, findings: &mut Findings) -> Option<BackendHost> {
    let fixed = node.parsed("hostName", DnsName::parse, findings).ok()?;
    match (fixed, node.flag("pickHostNameFromBackendAddress")) {
        (None, false) => Some(BackendHost::OfClient),
        (None, true) => Some(BackendHost::OfTarget),
        (Some(name), false) => Some(BackendHost::Fixed(name)),
        (Some(_), true) => {
            node.invalid(
                "hostName",
                "it cannot be given with pickHostNameFromBackendAddress",
                findings,
            );
            None
        }
    }
}

/// `connectionDraining` is stored and shown only: workers drain whatever is removed, with their own deadline.
fn draining(node: &Node<'_>, findings: &mut Findings) {
    let Some(members) = node.object("connectionDraining") else {
        return;
    };
    let place = node.at("connectionDraining");
    let draining = Node {
        members,
        path: &place,
        owner: node.owner,
    };
    if draining.flag("enabled")
        && !draining
            .integer("drainTimeoutInSec")
            .is_some_and(|s| (1..=3600).contains(&s))
    {
        draining.invalid(
            "drainTimeoutInSec",
            "it must be 1 to 3600 seconds",
            findings,
        );
    }
}

pub(super) fn request_routing_rule(
    node: &Node<'_>,
    name: ResourceName,
    findings: &mut Findings,
) -> Option<draft::RequestRoutingRule> {
    // A rule without priority was reported for the rules as a whole.
    let has_priority = node.members.contains_key("priority");
    let priority = if has_priority {
        node.number("priority", Priority::new, findings)
    } else {
        None
    };
    let listener = node.required_reference("httpListener", Collection::HTTP_LISTENERS, findings);
    let pool = node.required_reference(
        "backendAddressPool",
        Collection::BACKEND_ADDRESS_POOLS,
        findings,
    );
    let settings = Collection::BACKEND_HTTP_SETTINGS_COLLECTION;
    let settings = node.required_reference("backendHttpSettings", settings, findings);
    let rewrite_rule_set =
        node.reference("rewriteRuleSet", Collection::REWRITE_RULE_SETS, findings);
    Some(draft::RequestRoutingRule {
        name,
        priority: priority?,
        listener: listener?,
        pool: pool?,
        settings: settings?,
        rewrite_rule_set: rewrite_rule_set.ok()?,
    })
}
