//! Listeners with a configuration that a test wants.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use data_plane::clock::Clock;
use data_plane::cores::ProxySettings;
use data_plane::limits::Limits;
use data_plane::listener::Listeners;
use data_plane::revocation::{Revocation, RevocationSettings};
use data_plane::settings::AccessLog;
use data_plane::snapshot::{
    Bind, BindProtocol, ClientAuth, HostPatterns, Route, Upstream, UpstreamHost, UpstreamTls,
    VirtualHost, VirtualHostTls,
};
use data_plane::tls::server_config::{self, ServerTls};

use super::pki;

/// Settings for a test.
pub(crate) fn settings(limits: Limits) -> ProxySettings {
    ProxySettings {
        threads: NonZeroUsize::new(2).unwrap(),
        limits,
        access_log: AccessLog::Off,
        instance: "worker-1".into(),
        clock: Clock::system(),
        revocation: Revocation::new(RevocationSettings::default(), Clock::system()).0,
    }
}

/// A gateway on one address.
pub(crate) struct Gateway {
    pub(crate) listeners: Listeners,
    pub(crate) address: SocketAddr,
}

impl Gateway {
    /// Serves one bind.
    pub(crate) async fn start(bind: Bind) -> Self {
        Self::start_with(settings(Limits::default()), bind).await
    }

    pub(crate) async fn start_with(settings: ProxySettings, bind: Bind) -> Self {
        let address = bind.address;
        let mut gateway = Self {
            listeners: Listeners::start(&settings).unwrap(),
            address,
        };
        gateway.serve(vec![bind]).await;
        gateway
    }

    /// Everything to one backend over plain HTTP.
    pub(crate) async fn to(backend: SocketAddr) -> Self {
        Self::start(http(
            super::own_address(),
            vec![host("all", &[], Some(upstream(&[backend])))],
        ))
        .await
    }

    /// Replaces the configuration.
    pub(crate) async fn serve(&mut self, binds: Vec<Bind>) {
        let binds: Vec<_> = binds.into_iter().map(Arc::new).collect();
        let prepared = self.listeners.prepare(&"/gateway".into(), &binds).unwrap();
        self.listeners.commit(prepared).await;
    }
}

/// A bind without TLS.
pub(crate) fn http(address: SocketAddr, virtual_hosts: Vec<VirtualHost>) -> Bind {
    Bind {
        address,
        frontend_port: "port_80".into(),
        gateway_id: "/gateway".into(),
        protocol: BindProtocol::Http,
        http2: false,
        reserved_fields: Arc::default(),
        virtual_hosts: virtual_hosts.into_iter().map(Arc::new).collect(),
    }
}

/// A bind with TLS; its virtual hosts need [`with_tls`].
pub(crate) fn https(address: SocketAddr, virtual_hosts: Vec<VirtualHost>) -> Bind {
    Bind {
        protocol: BindProtocol::Https,
        http2: true,
        ..http(address, virtual_hosts)
    }
}

/// A virtual host; without host names a basic listener.
pub(crate) fn host(listener: &str, hosts: &[&str], upstream: Option<Upstream>) -> VirtualHost {
    VirtualHost {
        listener: listener.into(),
        hosts: if hosts.is_empty() {
            HostPatterns::Any
        } else {
            HostPatterns::These(hosts.iter().map(|&host| host.into()).collect())
        },
        tls: None,
        route: upstream.map(|upstream| Route {
            rule: format!("rule-{listener}").into(),
            upstream: Arc::new(upstream),
            rewrites: None,
        }),
    }
}

/// Gives a virtual host its TLS settings.
pub(crate) fn with_tls(
    mut host: VirtualHost,
    config: Arc<rustls::ServerConfig>,
    policy: u8,
) -> VirtualHost {
    let profile = || Arc::new(pki::client_auth(pki::strict("policy", &[])));
    host.tls = Some(VirtualHostTls {
        config,
        policy_hash: [policy; 32],
        client_auth: (policy > 0).then(profile),
    });
    host
}

/// Gives a virtual host TLS settings that fit together.
pub(crate) fn with_profile(
    host: VirtualHost,
    leaf: pki::Leaf,
    client_auth: ClientAuth,
) -> VirtualHost {
    let offer = pki::offer(leaf, Some(Arc::new(client_auth)));
    offering(host, offer, &Clock::system())
}

/// Gives a virtual host the TLS settings of an offer.
pub(crate) fn offering(mut host: VirtualHost, offer: ServerTls, clock: &Clock) -> VirtualHost {
    let client_auth = offer.client_auth.clone();
    let policy_hash = client_auth
        .as_ref()
        .map_or([0; 32], |it| *it.authenticator.policy_hash());
    host.tls = Some(VirtualHostTls {
        config: Arc::new(server_config::build(offer, clock).unwrap()),
        policy_hash,
        client_auth,
    });
    host
}

/// An upstream with these endpoints, which must have the same port.
pub(crate) fn upstream(endpoints: &[SocketAddr]) -> Upstream {
    let names: Vec<Arc<str>> = endpoints
        .iter()
        .map(|endpoint| endpoint.ip().to_string().into())
        .collect();
    let port = endpoints.first().map_or(80, SocketAddr::port);
    Upstream {
        key: format!("/gateway/pool/settings/{endpoints:?}").into(),
        pool: "pool".into(),
        settings: "settings".into(),
        endpoints: names,
        port,
        request_timeout: Duration::from_secs(20),
        tls: None,
        host: UpstreamHost::Client,
        path_prefix: "".into(),
    }
}

/// Makes an upstream speak TLS.
pub(crate) fn over_tls(
    mut upstream: Upstream,
    config: Arc<rustls::ClientConfig>,
    name: &str,
) -> Upstream {
    upstream.tls = Some(UpstreamTls {
        config,
        server_name: Some(name.into()),
    });
    upstream
}
