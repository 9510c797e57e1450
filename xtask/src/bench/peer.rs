//! The peers: Debian's nginx and haproxy, set up to do what the gateway does and no more.
//!
//! One worker, client certificates demanded and verified up to the root, connections to the backend kept, no access
//! log, full handshakes only (but for nginx with tickets), and no end to the requests of a connection. Both add the headers that tell the backend
//! who asks.

use std::fs;
use std::path::Path;

use super::contestant::Place;
use super::load::Load;

/// Writes the configuration of nginx and returns its command line.
pub(crate) fn nginx(
    folder: &Path,
    place: Place,
    load: &Load,
    tickets: bool,
) -> anyhow::Result<Vec<String>> {
    let Place { port, backend_port } = place;
    let (server, root) = certificates(load);
    let name = if tickets { "nginx-tickets" } else { "nginx" };
    let switch = if tickets { "on" } else { "off" };
    let scratch = folder.join(name);
    fs::create_dir_all(&scratch)?;
    let scratch = scratch.display();
    // Temporary files are switched off: a proxy must not spool an answer of 1 MiB to disk.
    let text = format!(
        "user root;
daemon off;
worker_processes 1;
pid {scratch}/nginx.pid;
error_log {scratch}/nginx.error.log;
worker_rlimit_nofile 65536;
events {{ worker_connections 32768; }}
http {{
    access_log off;
    client_body_temp_path {scratch}/nginx.body;
    proxy_temp_path {scratch}/nginx.proxy;
    fastcgi_temp_path {scratch}/nginx.fastcgi;
    uwsgi_temp_path {scratch}/nginx.uwsgi;
    scgi_temp_path {scratch}/nginx.scgi;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    upstream backend {{
        server 127.0.0.1:{backend_port};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} ssl http2 backlog=4096;
        server_name bench.example;
        ssl_certificate {server};
        ssl_certificate_key {server};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache off;
        ssl_session_tickets {switch};
        ssl_verify_client on;
        ssl_verify_depth 4;
        ssl_client_certificate {root};
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_max_temp_file_size 0;
            proxy_set_header Connection \"\";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Port $server_port;
        }}
    }}
}}
"
    );
    let file = folder.join(format!("{name}.conf"));
    fs::write(&file, text)?;
    Ok(vec![
        "-p".into(),
        scratch.to_string(),
        "-e".into(),
        format!("{scratch}/nginx.error.log"),
        "-c".into(),
        file.display().to_string(),
    ])
}

/// Writes the configuration of haproxy and returns its command line.
pub(crate) fn haproxy(folder: &Path, place: Place, load: &Load) -> anyhow::Result<Vec<String>> {
    let Place { port, backend_port } = place;
    let (server, root) = certificates(load);
    let text = format!(
        "global
    nbthread 1
    maxconn 8000
    tune.ssl.cachesize 0
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    timeout http-keep-alive 300s
    timeout http-request 60s
    option http-keep-alive
    option forwardfor
    http-reuse always
frontend in
    bind 127.0.0.1:{port} ssl crt {server} ca-file {root} verify required alpn h2,http/1.1 backlog 4096
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Port %[dst_port]
    default_backend out
backend out
    server one 127.0.0.1:{backend_port} pool-max-conn 256
"
    );
    let file = folder.join("haproxy.cfg");
    fs::write(&file, text)?;
    Ok(vec!["-db".into(), "-f".into(), file.display().to_string()])
}

fn certificates(load: &Load) -> (String, String) {
    (
        load.certificate("server.pem"),
        load.certificate("client-root.pem"),
    )
}
