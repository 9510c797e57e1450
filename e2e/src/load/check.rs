//! Whether a listener does what the benchmark takes for granted.

use std::path::PathBuf;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::http1;
use super::target::Target;

/// A client that must be refused.
#[derive(Clone, Debug, clap::Args)]
pub struct Outsider {
    /// PEM file with a client certificate that the listener must refuse
    #[arg(long)]
    pub outsider_cert_file: PathBuf,
    /// PEM file with its private key
    #[arg(long)]
    pub outsider_key_file: PathBuf,
}

/// Asks as the trusted client, as the outsider and without a certificate, and tells how each was refused.
///
/// # Errors
/// When the trusted client gets no 200 or one of the others gets one.
pub async fn run(target: &Target, outsider: &Outsider) -> anyhow::Result<Value> {
    ask(target).await.context("the trusted client is refused")?;
    let identity = (
        outsider.outsider_cert_file.as_path(),
        outsider.outsider_key_file.as_path(),
    );
    Ok(json!({
        "untrusted": refusal(&target.with_identity(Some(identity))).await?,
        "no_certificate": refusal(&target.with_identity(None)).await?,
    }))
}

async fn ask(target: &Target) -> anyhow::Result<()> {
    let mut stream = target.connector(None)?.connect().await?;
    let request = http1::get(&target.host, &target.path, true);
    http1::exchange(&mut stream, &request, &mut Vec::new()).await?;
    Ok(())
}

async fn refusal(target: &Target) -> anyhow::Result<String> {
    match ask(target).await {
        Ok(()) => bail!(
            "a client that must be refused is let in: {:?}",
            target.cert_file
        ),
        Err(error) => Ok(format!("{error:#}")),
    }
}
