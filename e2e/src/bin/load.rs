//! The load generator of the benchmark; `cargo xtask bench` runs it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use e2e::load::check::Outsider;
use e2e::load::configure::Gateway;
use e2e::load::gate::Gate;
use e2e::load::knock::Answer;
use e2e::load::policy::Extra;
use e2e::load::target::Target;
use e2e::load::{
    backend, certificates, changes, check, handshakes, idle, keep_alive, knock, latency,
    multiplexed, policy, resumed, revocation,
};
use serde_json::json;
use tokio::task::LocalSet;

/// Load generator of the benchmark. Each command prints one JSON object, and fails when anything went wrong on the way.
#[derive(Parser)]
struct Arguments {
    /// Print {"event":"ready"} when all connections are open, start when a line arrives on standard input, and keep the
    /// connections until it ends
    #[arg(long, global = true)]
    gate: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve /100, /10k, /1m and /port over plain HTTP/1.1 until killed
    Backend {
        /// Address to listen on
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Write the certificates of the benchmark
    Certificates {
        /// Folder to write them to
        #[arg(long)]
        directory: PathBuf,
    },
    /// Make a gateway through the REST API and wait until it is in force
    Configure {
        #[command(flatten)]
        gateway: Gateway,
        /// Port of the backend on loopback
        #[arg(long)]
        backend_port: u16,
    },
    /// Give a gateway that exists a client-auth policy, and wait until it is in force
    Policy {
        #[command(flatten)]
        gateway: Gateway,
        /// What the policy checks
        #[arg(long)]
        extra: Extra,
        /// Responder of the `ocsp` policy
        #[arg(long)]
        responder_url: Option<String>,
    },
    /// Write client.crl, a long CRL of the client's issuer
    Crl {
        /// Folder that `load certificates` has written
        #[arg(long)]
        directory: PathBuf,
        /// Revoked certificates
        #[arg(long, default_value_t = 500_000)]
        entries: u64,
    },
    /// Check that the trusted client gets 200, and that an untrusted one and one without certificate do not
    Check {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        outsider: Outsider,
    },
    /// Full TLS handshakes with one GET each
    Handshakes {
        #[command(flatten)]
        target: Target,
        /// Seconds
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
        /// How many at a time
        #[arg(long, default_value_t = 16)]
        concurrency: usize,
    },
    /// A number of full TLS handshakes with one GET each, answered as expected
    Knock {
        #[command(flatten)]
        target: Target,
        /// The answer to expect
        #[arg(long)]
        expect: Answer,
        /// How many
        #[arg(long, default_value_t = 1000)]
        count: u64,
        /// How many at a time
        #[arg(long, default_value_t = 16)]
        concurrency: usize,
    },
    /// Resumed TLS handshakes with one GET each
    Resumed {
        #[command(flatten)]
        target: Target,
        /// Seconds
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
        /// How many at a time, each with tickets of its own
        #[arg(long, default_value_t = 16)]
        concurrency: usize,
    },
    /// GETs on kept-alive HTTP/1.1 connections
    Keepalive {
        #[command(flatten)]
        target: Target,
        /// Seconds
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
        /// Connections, each with one request at a time
        #[arg(long, default_value_t = 32)]
        connections: usize,
    },
    /// GETs over HTTP/2
    H2 {
        #[command(flatten)]
        target: Target,
        /// Seconds
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
        /// Connections
        #[arg(long, default_value_t = 4)]
        connections: usize,
        /// Requests at a time on each connection
        #[arg(long, default_value_t = 16)]
        streams: usize,
    },
    /// GETs at a constant rate, each timed from the moment at which it was due
    Latency {
        #[command(flatten)]
        target: Target,
        /// Seconds
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
        /// Requests a second, all connections together
        #[arg(long)]
        rate: u32,
        /// Connections
        #[arg(long, default_value_t = 32)]
        connections: u32,
    },
    /// Open connections, use each once, and hold them
    Idle {
        #[command(flatten)]
        target: Target,
        /// How many
        #[arg(long, default_value_t = 3000)]
        connections: usize,
    },
    /// Change a gateway over and over and tell how long each change takes
    Changes {
        #[command(flatten)]
        gateway: Gateway,
        /// Ports of two backends on loopback
        #[arg(long, num_args = 2, required = true)]
        backend_ports: Vec<u16>,
        /// How many changes
        #[arg(long, default_value_t = 200)]
        count: u32,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            use std::io::Write as _;
            let mut output = std::io::stderr().lock();
            // Nobody is left to tell when even that fails.
            let _unheard = writeln!(output, "load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let gate = if arguments.gate {
        Gate::Held
    } else {
        Gate::Open
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(LocalSet::new().run_until(obey(arguments.command, gate)))
}

/// Does what the command says. Those that block the thread have it to themselves.
async fn obey(command: Command, gate: Gate) -> anyhow::Result<bool> {
    match command {
        Command::Backend { listen } => backend::run(listen).await.map(|()| true),
        Command::Certificates { directory } => {
            certificates::write(&directory)?;
            print(&json!({}))
        }
        Command::Configure {
            gateway,
            backend_port,
        } => {
            gateway.put(&gateway.document("client-root", backend_port)?)?;
            print(&json!({"id": gateway.id()}))
        }
        Command::Policy {
            gateway,
            extra,
            responder_url,
        } => {
            policy::put(&gateway, extra, responder_url.as_deref())?;
            print(&json!({}))
        }
        Command::Crl { directory, entries } => {
            revocation::write_crl(&directory, entries)?;
            print(&json!({}))
        }
        Command::Check { target, outsider } => print(&check::run(&target, &outsider).await?),
        Command::Handshakes {
            target,
            seconds,
            concurrency,
        } => handshakes::run(&target, concurrency, duration(seconds)?, gate).await,
        Command::Knock {
            target,
            expect,
            count,
            concurrency,
        } => knock::run(&target, expect, count, concurrency, gate).await,
        Command::Resumed {
            target,
            seconds,
            concurrency,
        } => resumed::run(&target, concurrency, duration(seconds)?, gate).await,
        Command::Keepalive {
            target,
            seconds,
            connections,
        } => keep_alive::run(&target, connections, duration(seconds)?, gate).await,
        Command::H2 {
            target,
            seconds,
            connections,
            streams,
        } => multiplexed::run(&target, connections, streams, duration(seconds)?, gate).await,
        Command::Latency {
            target,
            seconds,
            rate,
            connections,
        } => latency::run(&target, rate, connections, duration(seconds)?, gate),
        Command::Idle {
            target,
            connections,
        } => idle::run(&target, connections, gate).await,
        Command::Changes {
            gateway,
            backend_ports,
            count,
        } => {
            let ports: [u16; 2] = backend_ports
                .try_into()
                .map_err(|_| anyhow::anyhow!("--backend-ports takes two ports"))?;
            print(&changes::run(&gateway, ports, count).await?)
        }
    }
}

fn duration(seconds: f64) -> anyhow::Result<Duration> {
    Ok(Duration::try_from_secs_f64(seconds)?)
}

fn print(result: &serde_json::Value) -> anyhow::Result<bool> {
    Gate::Open.finish(result)?;
    Ok(true)
}
