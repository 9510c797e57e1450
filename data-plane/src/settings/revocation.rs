//! Settings of the evidence about revocation.

use super::value::Problems;
use crate::revocation::RevocationSettings;
use crate::revocation::network::Network;

/// How evidence is found, as text, before any check.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Revocation of client certificates")]
#[expect(
    clippy::struct_field_names,
    reason = "options are named after the fields"
)]
pub(crate) struct RevocationArguments {
    /// How long a client waits for an OCSP answer or a CRL that is not at hand; shorter than --handshake-timeout
    #[arg(
        long,
        env = "PORTCULLIS_REVOCATION_WAIT",
        value_name = "TIME",
        default_value = "2s"
    )]
    pub(crate) revocation_wait: String,
    /// How long one OCSP responder may take for one certificate, from the look-up of its name to the last byte
    #[arg(
        long,
        env = "PORTCULLIS_REVOCATION_RESPONDER_TIMEOUT",
        value_name = "TIME",
        default_value = "2s"
    )]
    pub(crate) revocation_responder_timeout: String,
    /// How long the download of one CRL from a distribution point may take
    #[arg(
        long,
        env = "PORTCULLIS_REVOCATION_CRL_TIMEOUT",
        value_name = "TIME",
        default_value = "30s"
    )]
    pub(crate) revocation_crl_timeout: String,
    /// Certificates whose OCSP answers are kept in memory
    #[arg(
        long,
        env = "PORTCULLIS_REVOCATION_CACHE_ENTRIES",
        value_name = "NUMBER",
        default_value = "100000"
    )]
    pub(crate) revocation_cache_entries: String,
    /// Bytes of memory for CRLs from distribution points
    #[arg(
        long,
        env = "PORTCULLIS_REVOCATION_CRL_CACHE_BYTES",
        value_name = "BYTES",
        default_value = "512MiB"
    )]
    pub(crate) revocation_crl_cache_bytes: String,
    /// OCSP requests at a time; half of them to one responder
    #[arg(
        long,
        env = "PORTCULLIS_REVOCATION_MAX_FETCHES",
        value_name = "NUMBER",
        default_value = "64"
    )]
    pub(crate) revocation_max_fetches: String,
    /// Network that responders and CRL distribution points may be in besides the public Internet, for example
    /// `10.0.0.0/8`; may be repeated
    #[arg(
        long,
        env = "PORTCULLIS_REVOCATION_ALLOW_NETWORK",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub(crate) revocation_allow_network: Vec<String>,
}

impl RevocationArguments {
    /// Reads every setting, noting each that is malformed in `problems`.
    pub(crate) fn check(&self, problems: &mut Problems) -> RevocationSettings {
        let networks = self.revocation_allow_network.iter();
        let networks = networks.filter_map(|text| {
            problems.take("--revocation-allow-network", text.parse::<Network>())
        });
        RevocationSettings {
            allowed_networks: networks.collect(),
            wait: problems.value("--revocation-wait", &self.revocation_wait),
            responder_timeout: problems.value(
                "--revocation-responder-timeout",
                &self.revocation_responder_timeout,
            ),
            crl_timeout: problems.value("--revocation-crl-timeout", &self.revocation_crl_timeout),
            crl_cache_bytes: problems.value(
                "--revocation-crl-cache-bytes",
                &self.revocation_crl_cache_bytes,
            ),
            cache_entries: problems
                .value("--revocation-cache-entries", &self.revocation_cache_entries),
            max_fetches: problems.value("--revocation-max-fetches", &self.revocation_max_fetches),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        arguments: RevocationArguments,
    }

    fn check(line: &[&str]) -> (RevocationSettings, Vec<String>) {
        let mut problems = Problems::default();
        let alone = Alone::try_parse_from([&["worker"], line].concat()).expect("known options");
        (alone.arguments.check(&mut problems), problems.into_vec())
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let (settings, problems) = check(&[]);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(settings, RevocationSettings::default());
        assert!(settings.allowed_networks.is_empty());
    }

    #[test]
    fn networks_are_repeated_or_separated_by_commas() {
        let (settings, problems) = check(&[
            "--revocation-allow-network=10.0.0.0/8,127.0.0.1",
            "--revocation-allow-network=fd00::/8",
        ]);
        assert!(problems.is_empty(), "{problems:?}");
        let networks = settings.allowed_networks.iter().map(ToString::to_string);
        let networks: Vec<_> = networks.collect();
        assert_eq!(networks, ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"]);
    }

    #[test]
    fn each_bad_value_is_refused_by_name() {
        for option in [
            "--revocation-wait",
            "--revocation-responder-timeout",
            "--revocation-crl-timeout",
            "--revocation-crl-cache-bytes",
            "--revocation-cache-entries",
            "--revocation-max-fetches",
            "--revocation-allow-network",
        ] {
            let (_, problems) = check(&[&format!("{option}=x")]);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(option), "{problems:?}");
        }
    }
}
