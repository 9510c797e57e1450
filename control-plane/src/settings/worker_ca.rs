//! The CA that issues certificates to workers.

use super::{
    ServeArgs, WorkerCaKey, WorkerCaSettings,
    check::{Problem, refuse},
    secret_source::{SecretSource, only_one},
};

impl WorkerCaSettings {
    pub(super) fn check(args: &ServeArgs, problems: &mut Vec<Problem>) -> Option<Self> {
        let before = problems.len();
        let variable = args.worker_ca_key_env.clone().map(SecretSource::Variable);
        let command = args.worker_ca_key_command.as_deref();
        let given = only_one(
            [
                (
                    FILE,
                    args.worker_ca_key_file.clone().map(SecretSource::File),
                ),
                ("--worker-ca-key-env", variable),
                (
                    "--worker-ca-key-command",
                    command.and_then(SecretSource::command),
                ),
            ],
            problems,
        );
        let certificate = args.worker_ca_cert_file.clone();
        match (&certificate, &given) {
            (Some(_), None) if problems.len() == before => {
                let message =
                    "needs --worker-ca-key-file, --worker-ca-key-env or --worker-ca-key-command";
                refuse(CERTIFICATE, message, problems);
            }
            (None, Some((setting, _))) => {
                refuse(setting, format!("needs {CERTIFICATE}"), problems);
            }
            (Some(_), Some(_)) | (_, None) => {}
        }
        let key = match given {
            None => WorkerCaKey::File(args.state_dir.join("worker-ca.key")),
            // Several replicas may share a CA that the first of them makes.
            Some((_, SecretSource::File(path))) => WorkerCaKey::File(path),
            Some((setting, source)) => match source.load() {
                Ok(key) => WorkerCaKey::Loaded(key),
                Err(error) => {
                    refuse(setting, error.to_string(), problems);
                    return None;
                }
            },
        };
        (problems.len() == before).then(|| Self {
            certificate: certificate.unwrap_or_else(|| args.state_dir.join("worker-ca.pem")),
            key,
        })
    }
}

const CERTIFICATE: &str = "--worker-ca-cert-file";
const FILE: &str = "--worker-ca-key-file";

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn check(args: ServeArgs, expected: &[(&str, &str)]) {
        let mut problems = Vec::new();
        let checked = WorkerCaSettings::check(&args, &mut problems);
        assert_eq!(checked.is_some(), expected.is_empty(), "{problems:?}");
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, (setting, part)) in problems.iter().zip(expected) {
            assert_eq!(problem.setting, *setting);
            assert!(problem.message.contains(part), "{problem:?}");
        }
        assert!(!format!("{checked:?}").contains("hush"));
    }

    fn args(file: bool, command: Option<&str>, certificate: bool) -> ServeArgs {
        ServeArgs {
            worker_ca_cert_file: certificate.then(|| PathBuf::from("ca.pem")),
            worker_ca_key_file: file.then(|| PathBuf::from("ca.key")),
            worker_ca_key_command: command.map(str::to_owned),
            ..ServeArgs::default()
        }
    }

    #[test]
    fn the_key_comes_from_one_place_and_has_its_certificate() {
        check(args(false, None, false), &[]);
        check(args(true, None, true), &[]);
        check(args(false, Some("echo hush"), true), &[]);
        check(args(false, None, true), &[(CERTIFICATE, "needs --worker")]);
        check(args(true, None, false), &[(FILE, "needs --worker-ca-cert")]);
        let command = "--worker-ca-key-command";
        check(
            args(true, Some("echo hush"), true),
            &[(command, "only one of")],
        );
        check(args(false, Some("false"), true), &[(command, "failed")]);
        let variable = ServeArgs {
            worker_ca_key_env: Some("PORTCULLIS_NOT_SET".to_owned()),
            ..args(false, None, true)
        };
        check(variable, &[("--worker-ca-key-env", "is not set")]);
    }
}
