//! Upstreams.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use proto::config::v1 as wire;
use rustls::{ClientConfig, RootCertStore};

use super::cache::Key;
use super::{Conversion, Rejected, host, unique};
use crate::snapshot::{Upstream, UpstreamHost, UpstreamTls};
use crate::tls::upstream_config;

const SETTINGS: &str = "backendHttpSettingsCollection";
const POOLS: &str = "backendAddressPools";
/// One day, as Azure has it.
const MAX_TIMEOUT_SECONDS: u32 = 86_400;

impl Conversion<'_> {
    /// Converts every upstream, used or not.
    pub(super) fn build_upstreams(&mut self) -> Result<(), Rejected> {
        let mut seen = HashSet::new();
        for upstream in &self.gateway.upstreams {
            unique(&mut seen, &upstream.name, "upstreams")?;
            let converted = self.upstream(upstream)?;
            self.upstreams.insert(&upstream.name, Arc::new(converted));
        }
        Ok(())
    }

    fn upstream(&mut self, upstream: &wire::Upstream) -> Result<Upstream, Rejected> {
        let at = |property: &'static str| {
            move |reason: String| Rejected::new(SETTINGS, &upstream.settings, property, reason)
        };
        if upstream.pool.is_empty() || upstream.settings.is_empty() {
            return Err(Rejected::new(
                "upstreams",
                &upstream.name,
                "",
                "it names no pool or no settings",
            ));
        }
        let endpoints = upstream
            .endpoints
            .iter()
            .map(|endpoint| host::endpoint(endpoint).map(Arc::from));
        let endpoints = endpoints.collect::<Result<_, String>>();
        let timeout = upstream.request_timeout_seconds;
        if !(1..=MAX_TIMEOUT_SECONDS).contains(&timeout) {
            return Err(at("requestTimeout")(format!(
                "{timeout} is not within 1 to {MAX_TIMEOUT_SECONDS} seconds"
            )));
        }
        Ok(Upstream {
            key: self.upstream_key(upstream),
            pool: Arc::from(upstream.pool.as_str()),
            settings: Arc::from(upstream.settings.as_str()),
            endpoints: endpoints.map_err(|reason| {
                Rejected::new(POOLS, &upstream.pool, "backendAddresses", reason)
            })?,
            port: host::port(upstream.port).map_err(at("port"))?,
            request_timeout: Duration::from_secs(timeout.into()),
            tls: upstream
                .tls
                .as_ref()
                .map(|tls| self.upstream_tls(&upstream.settings, tls))
                .transpose()?,
            host: upstream_host(upstream.host.as_ref()).map_err(at("hostName"))?,
            path_prefix: host::path_prefix(&upstream.path_prefix).map_err(at("path"))?,
        })
    }

    fn upstream_key(&self, upstream: &wire::Upstream) -> Arc<str> {
        let hash = hex::encode(
            Key::new("upstream")
                .field(&upstream.encode_to_vec())
                .finish(),
        );
        let gateway = self.gateway_id.to_ascii_lowercase();
        Arc::from(format!(
            "{gateway}/{}/{}/{hash}",
            upstream.pool, upstream.settings
        ))
    }

    fn upstream_tls(
        &mut self,
        settings: &str,
        tls: &wire::UpstreamTls,
    ) -> Result<UpstreamTls, Rejected> {
        let server_name = match tls.server_name.as_str() {
            "" => None,
            name => Some(
                host::server_name(name)
                    .map_err(|reason| Rejected::new(SETTINGS, settings, "hostName", reason))?,
            ),
        };
        let roots = tls
            .roots
            .iter()
            .fold(Key::new("upstream roots"), |key, bundle| {
                key.field(&bundle.sha256)
            })
            .finish();
        let key = Key::new("upstream tls")
            .field(&roots)
            .field(settings.as_bytes())
            .finish();
        let (converter, material) = (self.converter, self.material);
        let config = self.built.clients.take_or_build(key, || {
            let roots = match tls.roots.as_slice() {
                [] => converter.system_roots.load().map_err(|error| {
                    Rejected::new(SETTINGS, settings, "trustedRootCertificates", error)
                })?,
                bundles => Arc::new(uploaded_roots(bundles, material)?),
            };
            build(roots, converter)
                .map_err(|error| Rejected::new(SETTINGS, settings, "protocol", error))
        })?;
        Ok(UpstreamTls {
            config,
            server_name,
        })
    }
}

fn build(
    roots: Arc<RootCertStore>,
    converter: &super::Converter,
) -> Result<ClientConfig, rustls::Error> {
    upstream_config::build(roots, &converter.clock)
}

fn uploaded_roots(
    bundles: &[wire::TrustBundle],
    material: &super::Material,
) -> Result<RootCertStore, Rejected> {
    let mut roots = RootCertStore::empty();
    for bundle in bundles {
        let reject =
            |reason| Rejected::new("trustedRootCertificates", &bundle.name, "data", reason);
        let certificates = material.certificates(&bundle.sha256).map_err(reject)?;
        upstream_config::add_roots(&mut roots, &certificates)
            .map_err(|error| reject(error.to_string()))?;
    }
    Ok(roots)
}

fn upstream_host(host: Option<&wire::upstream::Host>) -> Result<UpstreamHost, String> {
    match host {
        None => Ok(UpstreamHost::Client),
        Some(wire::upstream::Host::FixedHost(name)) => {
            host::authority(name).map(UpstreamHost::Fixed)
        }
        Some(wire::upstream::Host::EndpointHost(true)) => Ok(UpstreamHost::Endpoint),
        Some(wire::upstream::Host::EndpointHost(false)) => {
            Err("an endpoint host that is off says nothing".to_owned())
        }
    }
}
