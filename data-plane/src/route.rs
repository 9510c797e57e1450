//! From a host name to the virtual host that serves it, and the check that the connection may ask for it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use client_auth::RevocationPlan;
use rustls_pki_types::UnixTime;

use crate::connection::client::{ClientFacts, Standing};
use crate::http::refusal::ClientRefusal;
use crate::revocation::Held;
use crate::snapshot::{Bind, BindProtocol, HostPatterns, VirtualHost, VirtualHostTls};

/// A bind with the index of its host names. Built once per snapshot.
#[derive(Debug)]
pub(crate) struct Site {
    bind: Arc<Bind>,
    exact: HashMap<Box<str>, usize>,
    patterns: Vec<(Box<str>, usize)>,
    any: Option<usize>,
}

/// What a connection was authenticated for in its TLS handshake, and what it may do therefore.
#[derive(Debug)]
pub(crate) struct Authenticated {
    pub(crate) listener: Arc<str>,
    /// Of the policy that the connection holds under: at first that of the handshake.
    pub(crate) policy_hash: Cell<[u8; 32]>,
    pub(crate) standing: Standing,
    /// Present exactly where a client certificate was asked for.
    pub(crate) client: Option<Box<ClientFacts>>,
    /// Where a client was verified: the earliest end of validity on its path, or of the evidence that it is not revoked;
    /// inclusive.
    pub(crate) valid_until: Cell<Option<UnixTime>>,
    pub(crate) evidence: RefCell<Evidence>,
}

/// What is known about the revocation of a client's path.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// What had to be found out.
    pub(crate) plan: RevocationPlan,
    /// Keeps the answers fresh while the connection lives.
    #[expect(dead_code, reason = "held, not read")]
    pub(crate) held: Held,
    /// Until when the answers hold, inclusive.
    pub(crate) until: Option<UnixTime>,
    /// That is longer than they said, because somebody was being asked just then.
    pub(crate) is_extended: bool,
}

/// The proof that this connection may reach this virtual host. [`Site::admit`] is the only place that makes one.
#[derive(Clone, Debug)]
pub(crate) struct Admitted(Arc<VirtualHost>);

/// Why a request was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// No virtual host serves the host.
    NoSuchHost,
    /// Another virtual host than the one of the handshake serves it, or the protocol of the port has changed.
    OtherListener,
    /// The client-auth policy changed since the handshake.
    PolicyChanged,
    /// The client's certificate, or one on its path, expired since the handshake.
    CertificateExpired,
    /// The client did not prove who it is, or may not in.
    ClientRefused(ClientRefusal),
}

impl Site {
    pub(crate) fn new(bind: Arc<Bind>) -> Self {
        let mut site = Self {
            bind,
            exact: HashMap::new(),
            patterns: Vec::new(),
            any: None,
        };
        for (position, virtual_host) in site.bind.virtual_hosts.iter().enumerate() {
            match &virtual_host.hosts {
                HostPatterns::Any => {
                    site.any.get_or_insert(position);
                }
                HostPatterns::These(hosts) => {
                    for host in hosts {
                        if host.contains(['*', '?']) {
                            site.patterns.push((host.clone(), position));
                        } else {
                            site.exact.entry(host.clone()).or_insert(position);
                        }
                    }
                }
            }
        }
        site
    }

    pub(crate) fn bind(&self) -> &Arc<Bind> {
        &self.bind
    }

    /// The first virtual host, in order of rule priority, that serves `host` (canonical; `None`: the client named none).
    pub(crate) fn find(&self, host: Option<&str>) -> Option<&Arc<VirtualHost>> {
        let mut best = self.any.unwrap_or(usize::MAX);
        if let Some(host) = host {
            if let Some(&position) = self.exact.get(host) {
                best = best.min(position);
            }
            let pattern = self
                .patterns
                .iter()
                .take_while(|(_, position)| *position < best)
                .find(|(pattern, _)| matches(pattern.as_bytes(), host.as_bytes()));
            if let Some(&(_, position)) = pattern {
                best = position;
            }
        }
        self.bind.virtual_hosts.get(best)
    }

    /// The TLS side of the virtual host of this name, where there is one.
    pub(crate) fn tls_of(&self, listener: &str) -> Option<&VirtualHostTls> {
        let mut known = self.bind.virtual_hosts.iter();
        known
            .find(|known| *known.listener == *listener)?
            .tls
            .as_ref()
    }

    /// The virtual host whose TLS settings a `ClientHello` gets.
    ///
    /// Without SNI, or with a name that nobody serves: a basic listener if there is one, else the first in order of rule
    /// priority (Azure, SNI behaviour of v2). That gives the client no more than a certificate and a policy to satisfy:
    /// [`Self::admit`] holds every later request to the listener that was chosen here, so a client cannot pass a lax
    /// listener's handshake and then ask for a strict listener's host.
    pub(crate) fn for_client_hello(&self, server_name: Option<&str>) -> Option<&Arc<VirtualHost>> {
        self.find(server_name)
            .or_else(|| self.bind.virtual_hosts.first())
    }

    /// Decides whether a request for `host` may be served `now` on a connection that was authenticated as told.
    ///
    /// # Errors
    /// [`NotAdmitted`]: 404 where nobody serves the host, 421 (RFC 9110, 15.5.20) where somebody else does.
    pub(crate) fn admit(
        &self,
        authenticated: Option<&Authenticated>,
        host: Option<&str>,
        now: UnixTime,
    ) -> Result<Admitted, NotAdmitted> {
        let found = self.find(host).ok_or(NotAdmitted::NoSuchHost)?;
        self.check(found, authenticated, now)?;
        Ok(Admitted(Arc::clone(found)))
    }

    /// Decides whether what was admitted before may go on `now`: a connection that has become something else than HTTP.
    ///
    /// # Errors
    /// [`NotAdmitted`]: as [`Self::admit`]; [`NotAdmitted::NoSuchHost`] where the listener is gone.
    pub(crate) fn admit_still(
        &self,
        admitted: &Admitted,
        authenticated: Option<&Authenticated>,
        now: UnixTime,
    ) -> Result<(), NotAdmitted> {
        let listener = &admitted.0.listener;
        let mut known = self.bind.virtual_hosts.iter();
        let found = known.find(|known| known.listener == *listener);
        self.check(found.ok_or(NotAdmitted::NoSuchHost)?, authenticated, now)
    }

    fn check(
        &self,
        found: &VirtualHost,
        authenticated: Option<&Authenticated>,
        now: UnixTime,
    ) -> Result<(), NotAdmitted> {
        match (self.bind.protocol, &found.tls, authenticated) {
            (BindProtocol::Http, None, None) => {}
            (BindProtocol::Https, Some(tls), Some(authenticated)) => {
                if found.listener != authenticated.listener {
                    return Err(NotAdmitted::OtherListener);
                }
                match (authenticated.standing, &tls.client_auth) {
                    (Standing::Refused(class), _) => return Err(NotAdmitted::ClientRefused(class)),
                    (Standing::NotAsked, None) | (Standing::Good, Some(_)) => {}
                    // Whether a certificate is asked for has changed.
                    (Standing::NotAsked, Some(_)) | (Standing::Good, None) => {
                        return Err(NotAdmitted::PolicyChanged);
                    }
                }
                if tls.policy_hash != authenticated.policy_hash.get() {
                    return Err(NotAdmitted::PolicyChanged);
                }
                let until = authenticated.valid_until.get();
                if until.is_some_and(|until| now > until) {
                    return Err(NotAdmitted::CertificateExpired);
                }
            }
            // The port changed between HTTP and HTTPS under an open connection.
            (BindProtocol::Http | BindProtocol::Https, _, _) => {
                return Err(NotAdmitted::OtherListener);
            }
        }
        Ok(())
    }
}

impl Admitted {
    pub(crate) fn virtual_host(&self) -> &Arc<VirtualHost> {
        &self.0
    }
}

/// Whether `host` matches `pattern`: `*` is any run of characters, also across labels, `?` is exactly one (Azure,
/// wildcard host names in multi-site listeners).
fn matches(pattern: &[u8], host: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    // Where to go on after the last `*`: the pattern behind it, and the first host byte it does not yet cover.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = host.get(seen) {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                star = Some((at, seen));
            }
            Some(b'?') => {
                at += 1;
                seen += 1;
            }
            Some(wanted) if wanted == byte => {
                at += 1;
                seen += 1;
            }
            Some(_) | None => match star {
                Some((behind, covered)) => {
                    at = behind;
                    seen = covered + 1;
                    star = Some((behind, seen));
                }
                None => return false,
            },
        }
    }
    pattern
        .get(at..)
        .is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn wildcards_follow_azures_rules() {
        let check = |pattern: &str, host: &str, expected: bool| {
            assert_eq!(
                matches(pattern.as_bytes(), host.as_bytes()),
                expected,
                "{pattern} {host}"
            );
        };
        check("*.contoso.com", "a.contoso.com", true);
        check("*.contoso.com", "customer1.b2b.contoso.com", true);
        check("*.contoso.com", "contoso.com", false);
        check("*.contoso.com", "a.contoso.com.evil.org", false);
        check("*.contoso.*", "www.contoso.org", true);
        check("*.contoso-*.com", "www.contoso-shop.com", true);
        check("w??.contoso*.edu.*", "www.contoso1.edu.eu", true);
        check("w??.contoso*.edu.*", "ww.contoso1.edu.eu", false);
        check("????.contoso.com", "shop.contoso.com", true);
        check("????.contoso.com", "shops.contoso.com", false);
        check("*", "", true);
        check("*a*b", "xxaxxbxxab", true);
        check("*a*b", "xxaxxbxxabc", false);
    }

    fn site(hosts: &[&[&str]]) -> Site {
        let virtual_hosts = hosts
            .iter()
            .enumerate()
            .map(|(position, hosts)| {
                Arc::new(VirtualHost {
                    listener: format!("listener{position}").into(),
                    hosts: if hosts.is_empty() {
                        HostPatterns::Any
                    } else {
                        HostPatterns::These(hosts.iter().map(|&host| host.into()).collect())
                    },
                    tls: None,
                    route: None,
                })
            })
            .collect();
        Site::new(Arc::new(Bind {
            address: SocketAddr::from(([127, 0, 0, 1], 80)),
            frontend_port: "port".into(),
            gateway_id: "/gateway".into(),
            protocol: BindProtocol::Http,
            http2: false,
            reserved_fields: Arc::default(),
            virtual_hosts,
        }))
    }

    #[test]
    fn rule_priority_decides_among_listeners_that_match() {
        let check = |hosts: &[&[&str]], host: Option<&str>, expected: Option<&str>| {
            let site = site(hosts);
            let found = site.find(host).map(|found| &*found.listener);
            assert_eq!(found, expected, "{hosts:?} {host:?}");
        };
        check(
            &[&["a.example"], &["b.example"]],
            Some("b.example"),
            Some("listener1"),
        );
        check(
            &[&["*.example"], &["a.example"]],
            Some("a.example"),
            Some("listener0"),
        );
        check(
            &[&["a.example"], &["*.example"]],
            Some("a.example"),
            Some("listener0"),
        );
        check(
            &[&["a.example"], &["*.example"]],
            Some("b.example"),
            Some("listener1"),
        );
        check(&[&[], &["a.example"]], Some("a.example"), Some("listener0"));
        check(&[&["a.example"], &[]], Some("z.example"), Some("listener1"));
        check(&[&["a.example"], &[]], None, Some("listener1"));
        check(&[&["a.example"]], None, None);
        check(&[&["a.example"]], Some("z.example"), None);
        check(&[], Some("z.example"), None);
    }

    #[test]
    fn a_client_hello_always_gets_a_virtual_host() {
        let site = site(&[&["a.example"], &["b.example"]]);
        let chosen = |name| {
            site.for_client_hello(name)
                .map(|host| host.listener.to_string())
        };
        assert_eq!(chosen(Some("b.example")).as_deref(), Some("listener1"));
        assert_eq!(chosen(Some("z.example")).as_deref(), Some("listener0"));
        assert_eq!(chosen(None).as_deref(), Some("listener0"));
    }

    #[test]
    fn a_connection_is_held_to_the_protocol_of_its_handshake() {
        let authenticated = Authenticated {
            listener: "listener0".into(),
            policy_hash: Cell::new([0; 32]),
            standing: Standing::NotAsked,
            client: None,
            valid_until: Cell::default(),
            evidence: RefCell::default(),
        };
        let now = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
        let site = site(&[&[]]);
        assert_eq!(
            site.admit(Some(&authenticated), None, now).map(|_| ()),
            Err(NotAdmitted::OtherListener)
        );
        assert!(site.admit(None, None, now).is_ok());
    }
}
