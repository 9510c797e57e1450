//! A good snapshot, and everything that can be wrong with it.

mod client_policy;
mod lists;
mod rewrites;

use std::net::Ipv4Addr;

use rustls_pki_types::CertificateDer;

use super::*;
use ::client_auth::Mode;

use crate::snapshot::{BindProtocol, HostPatterns, RefusalForm, UpstreamHost};
use crate::testing::Ca;

struct Fixture {
    gateway: wire::GatewaySnapshot,
    material: Material,
}

fn converter() -> Converter {
    Converter {
        public_address: Ipv4Addr::LOCALHOST.into(),
        clock: Clock::system(),
        system_roots: SystemRoots::default(),
        ticket_keys: TicketKeys::default(),
    }
}

/// One HTTPS bind with an open and a guarded listener, one HTTP bind, one upstream over TLS and one plain.
fn fixture() -> Fixture {
    let mut material = Material::default();
    let (server_ca, client_ca) = (Ca::new("server CA"), Ca::new("client CA"));
    let server = server_ca.server("www.example");
    let listener = |name: &str, policy: &str| wire::VirtualHost {
        listener: name.to_owned(),
        host_patterns: vec![format!("{name}.example")],
        server_certificate: "www".to_owned(),
        tls_policy: Some(wire::TlsPolicy {
            versions: vec![1, 2],
            cipher_suites: vec![0x1301, 0xc02b],
        }),
        client_auth_policy: policy.to_owned(),
        route: Some(wire::Route {
            rule: "rule".to_owned(),
            upstream: "pool/tls".to_owned(),
            ..wire::Route::default()
        }),
    };
    let plain = wire::VirtualHost {
        listener: "plain".to_owned(),
        route: Some(wire::Route {
            rule: "plain".to_owned(),
            upstream: "pool/plain".to_owned(),
            ..wire::Route::default()
        }),
        ..wire::VirtualHost::default()
    };
    let bind = |name: &str, port, protocol: wire::BindProtocol, virtual_hosts| wire::Bind {
        frontend_port: name.to_owned(),
        frontend_ip_configuration: "public".to_owned(),
        address: String::new(),
        port,
        protocol: protocol.into(),
        virtual_hosts,
    };
    let upstream = wire::Upstream {
        name: "pool/plain".to_owned(),
        pool: "pool".to_owned(),
        settings: "plain".to_owned(),
        endpoints: vec!["192.0.2.1".to_owned(), "backend.example".to_owned()],
        port: 8080,
        request_timeout_seconds: 20,
        ..wire::Upstream::default()
    };
    let bundle = |material: &mut Material, name: &str, ca: &Ca| wire::TrustBundle {
        name: name.to_owned(),
        sha256: material.add_certificates(&[&ca.certificate]),
    };
    let tls = wire::UpstreamTls {
        roots: vec![bundle(&mut material, "backend-root", &server_ca)],
        server_name: "backend.example".to_owned(),
    };
    let client_roots = bundle(&mut material, "client-ca", &client_ca);
    let gateway = wire::GatewaySnapshot {
        gateway_id: "/subscriptions/s/gw".to_owned(),
        binds: vec![
            bind("http", 8080, wire::BindProtocol::Http, vec![plain]),
            bind(
                "https",
                8443,
                wire::BindProtocol::Https,
                vec![listener("guarded", "strict"), listener("open", "")],
            ),
        ],
        upstreams: vec![
            upstream.clone(),
            wire::Upstream {
                name: "pool/tls".to_owned(),
                settings: "tls".to_owned(),
                tls: Some(tls),
                host: Some(wire::upstream::Host::FixedHost(
                    "backend.example".to_owned(),
                )),
                path_prefix: "/api/".to_owned(),
                ..upstream
            },
        ],
        client_auth_policies: vec![wire::ClientAuthPolicy {
            name: "strict".to_owned(),
            mode: wire::ClientAuthMode::Strict.into(),
            client_cas: vec![wire::ClientCa {
                bundle: Some(client_roots),
                ..Default::default()
            }],
            refusal_form: wire::RefusalForm::TlsAlert.into(),
            max_intermediates: 4,
            ..Default::default()
        }],
        server_certificates: vec![wire::ServerCertificate {
            name: "www".to_owned(),
            chain_sha256: material.add_certificates(&[&server.certificate, &server_ca.certificate]),
            key_sha256: material.add_key(&server.key),
        }],
        http2: true,
        ..Default::default()
    };
    Fixture { gateway, material }
}

fn bundle(gateway: &mut wire::GatewaySnapshot) -> &mut wire::TrustBundle {
    let ca = &mut gateway.client_auth_policies[0].client_cas[0];
    ca.bundle.as_mut().unwrap()
}

fn convert(fixture: &Fixture, previous: &Built) -> Result<Converted, Rejected> {
    converter().convert(&fixture.gateway, &fixture.material, previous)
}

/// Expects a snapshot with this change to be refused there.
fn check(
    resource: &str,
    property: &str,
    change: impl FnOnce(&mut wire::GatewaySnapshot, &mut Material),
) {
    let mut fixture = fixture();
    change(&mut fixture.gateway, &mut fixture.material);
    let rejected = convert(&fixture, &Built::default()).expect_err("should be refused");
    assert_eq!(
        (rejected.resource.as_str(), rejected.property.as_str()),
        (resource, property),
        "{rejected}"
    );
    assert!(!rejected.reason.is_empty());
}

#[test]
fn a_good_snapshot_becomes_what_it_says() {
    let converted = convert(&fixture(), &Built::default()).expect("good");
    let snapshot = converted.snapshot;
    assert_eq!(&*snapshot.gateway_id, "/subscriptions/s/gw");
    let [http, https] = snapshot.binds.as_slice() else {
        panic!("two binds: {:?}", snapshot.binds)
    };
    assert_eq!(http.address.to_string(), "127.0.0.1:8080");
    assert_eq!((http.protocol, http.http2), (BindProtocol::Http, false));
    assert_eq!((https.protocol, https.http2), (BindProtocol::Https, true));
    assert_eq!(http.virtual_hosts[0].hosts, HostPatterns::Any);
    assert!(http.virtual_hosts[0].tls.is_none());
    let [guarded, open] = [0, 1].map(|index| https.virtual_hosts[index].tls.as_ref().expect("TLS"));
    let client_auth = guarded.client_auth.as_ref().expect("a policy");
    assert_eq!(&*client_auth.ssl_profile, "strict");
    assert_eq!(client_auth.mode(), Mode::Strict);
    assert_eq!(client_auth.refusal_form, RefusalForm::TlsAlert);
    assert_eq!(client_auth.resumption_lifetime, None);
    assert!(open.client_auth.is_none());
    assert_ne!(guarded.policy_hash, open.policy_hash);
    let upstream = &https.virtual_hosts[0]
        .route
        .as_ref()
        .expect("route")
        .upstream;
    assert!(
        upstream.key.starts_with("/subscriptions/s/gw/pool/tls/"),
        "{}",
        upstream.key
    );
    assert_eq!(upstream.host, UpstreamHost::Fixed("backend.example".into()));
    assert_eq!(
        upstream
            .tls
            .as_ref()
            .and_then(|tls| tls.server_name.as_deref()),
        Some("backend.example")
    );
}

// T-08
#[test]
fn sessions_are_resumed_where_the_profile_wants_it_and_early_data_never_is() {
    let mut fixture = fixture();
    for lifetime in [None, Some(60)] {
        fixture.gateway.client_auth_policies[0].session_resumption =
            lifetime.map(|lifetime_seconds| wire::SessionResumption { lifetime_seconds });
        let converted = convert(&fixture, &Built::default()).expect("good");
        let hosts = &converted.snapshot.binds[1].virtual_hosts;
        let [guarded, open] = [0, 1].map(|index| &hosts[index].tls.as_ref().expect("TLS").config);
        for (config, lifetime) in [(guarded, lifetime), (open, Some(300))] {
            assert!(!config.session_storage.can_cache());
            assert_eq!(config.ticketer.enabled(), lifetime.is_some());
            assert_eq!(config.send_tls13_tickets, usize::from(lifetime.is_some()));
            assert_eq!(config.ticketer.lifetime(), lifetime.unwrap_or(0));
            assert_eq!(config.max_early_data_size, 0);
        }
    }
}

#[test]
fn what_did_not_change_is_taken_over() {
    let config = |converted: &Converted, host: usize| {
        let tls = converted.snapshot.binds[1].virtual_hosts[host].tls.as_ref();
        Arc::clone(&tls.expect("TLS").config)
    };
    let mut fixture = fixture();
    let first = convert(&fixture, &Built::default()).expect("good");
    fixture.gateway.client_auth_policies[0].verify_issuer = true;
    fixture.gateway.upstreams[0].endpoints.clear();
    let second = convert(&fixture, &first.built).expect("good");
    assert!(
        !Arc::ptr_eq(&config(&first, 0), &config(&second, 0)),
        "the policy changed"
    );
    assert!(
        Arc::ptr_eq(&config(&first, 1), &config(&second, 1)),
        "nothing changed"
    );
    let key = |converted: &Converted, bind: usize| {
        let route = converted.snapshot.binds[bind].virtual_hosts[0]
            .route
            .as_ref();
        Arc::clone(&route.expect("route").upstream.key)
    };
    assert_ne!(key(&first, 0), key(&second, 0));
    assert_eq!(key(&first, 1), key(&second, 1));
    let third = convert(&fixture, &second.built).expect("good");
    assert!(Arc::ptr_eq(&config(&second, 0), &config(&third, 0)));
}

#[test]
fn every_reference_is_a_blob_that_can_be_asked_for() {
    let fixture = fixture();
    let names: HashSet<_> = references(&fixture.gateway)
        .into_iter()
        .map(|(digest, _)| digest)
        .collect();
    assert_eq!(names, fixture.material.0.keys().copied().collect());
}

#[test]
fn names_are_present_and_unique() {
    check("", "", |gateway, _| gateway.gateway_id.clear());
    check("frontendPorts/", "name", |gateway, _| {
        gateway.binds[0].frontend_port.clear();
    });
    check("httpListeners/", "name", |gateway, _| {
        gateway.binds[0].virtual_hosts[0].listener.clear();
    });
    check("httpListeners/guarded", "name", |gateway, _| {
        gateway.binds[1].virtual_hosts[1].listener = "guarded".to_owned();
    });
    check("sslCertificates/www", "name", |gateway, _| {
        let twin = gateway.server_certificates[0].clone();
        gateway.server_certificates.push(twin);
    });
    check("sslProfiles/strict", "name", |gateway, _| {
        let twin = gateway.client_auth_policies[0].clone();
        gateway.client_auth_policies.push(twin);
    });
    check("upstreams/pool/tls", "name", |gateway, _| {
        gateway.upstreams[0].name = "pool/tls".to_owned();
    });
    check("upstreams/pool/plain", "", |gateway, _| {
        gateway.upstreams[0].pool.clear();
    });
}

#[test]
fn binds_have_a_protocol_an_address_and_a_listener() {
    for protocol in [0, 3, -1] {
        check("frontendPorts/https", "protocol", |gateway, _| {
            gateway.binds[1].protocol = protocol;
        });
    }
    for port in [0, 65_536] {
        check("frontendPorts/http", "port", |gateway, _| {
            gateway.binds[0].port = port;
        });
    }
    check("frontendPorts/https", "port", |gateway, _| {
        gateway.binds[1].port = 8080;
    });
    check(
        "frontendIPConfigurations/public",
        "privateIPAddress",
        |gateway, _| {
            gateway.binds[0].address = "localhost".to_owned();
        },
    );
    check("frontendPorts/http", "", |gateway, _| {
        gateway.binds[0].virtual_hosts.clear();
    });
}

#[test]
fn listeners_refer_to_what_exists() {
    let tls = |gateway: &mut wire::GatewaySnapshot| gateway.binds[1].virtual_hosts[0].clone();
    check("httpListeners/guarded", "sslCertificate", |gateway, _| {
        gateway.binds[1].virtual_hosts[0].server_certificate = "other".to_owned();
    });
    check("httpListeners/guarded", "sslCertificate", |gateway, _| {
        gateway.binds[1].virtual_hosts[0].server_certificate.clear();
    });
    check("httpListeners/guarded", "sslProfile", |gateway, _| {
        gateway.binds[1].virtual_hosts[0].client_auth_policy = "other".to_owned();
    });
    check(
        "requestRoutingRules/rule",
        "backendAddressPool",
        |gateway, _| {
            gateway.upstreams.remove(1);
        },
    );
    check("httpListeners/guarded", "hostNames", |gateway, _| {
        gateway.binds[1].virtual_hosts[0]
            .host_patterns
            .push("UPPER.example".to_owned());
    });
    check("httpListeners/plain", "sslCertificate", |gateway, _| {
        gateway.binds[0].virtual_hosts[0].server_certificate = "www".to_owned();
    });
    check("httpListeners/plain", "sslProfile", |gateway, _| {
        gateway.binds[0].virtual_hosts[0].tls_policy = tls(gateway).tls_policy;
    });
    check("httpListeners/plain", "sslProfile", |gateway, _| {
        gateway.binds[0].virtual_hosts[0].client_auth_policy = "strict".to_owned();
    });
}

#[test]
fn tls_policies_name_known_versions_with_suites() {
    let with = |versions: &[i32], suites: &[u32]| {
        let policy = wire::TlsPolicy {
            versions: versions.to_vec(),
            cipher_suites: suites.to_vec(),
        };
        move |gateway: &mut wire::GatewaySnapshot, _: &mut Material| {
            gateway.binds[1].virtual_hosts[0].tls_policy = Some(policy);
        }
    };
    let at = ("httpListeners/guarded", "sslProfile");
    check(at.0, at.1, with(&[], &[0x1301]));
    check(at.0, at.1, with(&[0], &[0x1301]));
    check(at.0, at.1, with(&[3], &[0x1301]));
    check(at.0, at.1, with(&[2], &[]));
    check(at.0, at.1, with(&[2], &[0x1301, 0x002f]));
    check(at.0, at.1, with(&[1, 2], &[0x1301]));
    check(at.0, at.1, with(&[1, 2], &[0xc02b]));
    check(at.0, at.1, |gateway, _| {
        gateway.binds[1].virtual_hosts[0].tls_policy = None;
    });
}

#[test]
fn client_authentication_is_known_and_over_good_bundles() {
    for mode in [0, 4, -1] {
        check(
            "sslProfiles/strict",
            "clientAuthConfiguration",
            |gateway, _| {
                gateway.client_auth_policies[0].mode = mode;
            },
        );
    }
    for form in [0, 3, -1] {
        check("sslProfiles/strict", "refusalForm", |gateway, _| {
            gateway.client_auth_policies[0].refusal_form = form;
        });
    }
    for lifetime_seconds in [0, 301] {
        check("sslProfiles/strict", "sessionResumption", |gateway, _| {
            gateway.client_auth_policies[0].session_resumption =
                Some(wire::SessionResumption { lifetime_seconds });
        });
    }
    let with = |certificates: &[&CertificateDer<'_>]| {
        let mut material = Material::default();
        let sha256 = material.add_certificates(certificates);
        move |gateway: &mut wire::GatewaySnapshot, held: &mut Material| {
            held.0.extend(material.0);
            bundle(gateway).sha256 = sha256;
        }
    };
    let (one, two) = (Ca::new("one"), Ca::new("two"));
    let at = ("trustedClientCertificates/client-ca", "data");
    check(at.0, at.1, |gateway, _| {
        bundle(gateway).sha256 = vec![0; 32];
    });
    check(at.0, at.1, |gateway, _| {
        bundle(gateway).sha256.clear();
    });
    check(at.0, at.1, with(&[]));
    check(at.0, at.1, with(&[&CertificateDer::from(b"junk".to_vec())]));
    check(at.0, at.1, with(&[&one.certificate, &two.certificate]));
}

#[test]
fn a_profile_without_bundles_is_no_open_door() {
    let mut fixture = fixture();
    fixture.gateway.client_auth_policies[0].client_cas.clear();
    let converted =
        convert(&fixture, &Built::default()).expect("nobody gets in, which is a configuration");
    assert!(
        converted.snapshot.binds[1].virtual_hosts[0]
            .tls
            .as_ref()
            .expect("TLS")
            .client_auth
            .is_some()
    );
}

#[test]
fn server_certificates_are_readable_and_fit_their_key() {
    let at = ("sslCertificates/www", "data");
    check(at.0, at.1, |gateway, _| {
        gateway.server_certificates[0].chain_sha256 = vec![0; 32];
    });
    check(at.0, at.1, |gateway, _| {
        gateway.server_certificates[0].key_sha256 = vec![0; 32];
    });
    check(at.0, at.1, |gateway, material| {
        gateway.server_certificates[0].chain_sha256 =
            material.add(wire::BlobKind::Certificates, b"junk".to_vec());
    });
    check(at.0, at.1, |gateway, material| {
        gateway.server_certificates[0].chain_sha256 = material.add_certificates(&[]);
    });
    check(at.0, at.1, |gateway, material| {
        let junk = CertificateDer::from(b"junk".to_vec());
        gateway.server_certificates[0].chain_sha256 = material.add_certificates(&[&junk]);
    });
    check(at.0, at.1, |gateway, material| {
        gateway.server_certificates[0].key_sha256 =
            material.add(wire::BlobKind::PrivateKey, b"junk".to_vec());
    });
    check(at.0, at.1, |gateway, material| {
        let other = Ca::new("other").server("other.example");
        gateway.server_certificates[0].key_sha256 = material.add_key(&other.key);
    });
    check(at.0, at.1, |gateway, _| {
        // A certificate list in the place of a key is of the wrong kind, whatever it holds.
        gateway.server_certificates[0].key_sha256 =
            gateway.server_certificates[0].chain_sha256.clone();
    });
}

#[test]
fn upstreams_are_complete_and_well_formed() {
    let settings = "backendHttpSettingsCollection/plain";
    for seconds in [0, 86_401] {
        check(settings, "requestTimeout", |gateway, _| {
            gateway.upstreams[0].request_timeout_seconds = seconds;
        });
    }
    check(settings, "port", |gateway, _| gateway.upstreams[0].port = 0);
    check(settings, "path", |gateway, _| {
        gateway.upstreams[0].path_prefix = "api".to_owned();
    });
    check(settings, "hostName", |gateway, _| {
        gateway.upstreams[0].host = Some(wire::upstream::Host::FixedHost("a b".to_owned()));
    });
    check(settings, "hostName", |gateway, _| {
        gateway.upstreams[0].host = Some(wire::upstream::Host::EndpointHost(false));
    });
    check(
        "backendAddressPools/pool",
        "backendAddresses",
        |gateway, _| {
            gateway.upstreams[0].endpoints.push("http://x".to_owned());
        },
    );
    check(
        "backendHttpSettingsCollection/tls",
        "hostName",
        |gateway, _| {
            gateway.upstreams[1].tls.as_mut().expect("TLS").server_name = "a b".to_owned();
        },
    );
    let root = "trustedRootCertificates/backend-root";
    check(root, "data", |gateway, _| {
        gateway.upstreams[1].tls.as_mut().expect("TLS").roots[0].sha256 = vec![0; 32];
    });
    check(root, "data", |gateway, material| {
        let junk = CertificateDer::from(b"junk".to_vec());
        gateway.upstreams[1].tls.as_mut().expect("TLS").roots[0].sha256 =
            material.add_certificates(&[&junk]);
    });
}
