//! Whether what was decided before still holds.

use rustls_pki_types::{CertificateDer, UnixTime};

use super::{Authenticator, Checks};
use crate::path_rules::no_path;
use crate::{ClientIdentity, Mode, PathCertificate, Refusal, RevocationPlan, Verification};

impl Authenticator {
    /// Decides whether a client that was let in before, along `path`, may stay at `now` under *this* policy.
    ///
    /// `path` is [`Decision::path`](crate::Decision::path) of the decision that `identity` comes from, by this policy or
    /// by another one; what only the path itself determines (signatures, CA flags, names and their constraints) was found
    /// good then and does not change. No signature is verified. Everything else is checked again: that the path's anchor
    /// is an anchor of this policy (the same certificate, byte for byte), the validity of every certificate, strength,
    /// depth, pins and identity rules.
    ///
    /// It never lets in whom [`decide`](Self::decide) would refuse who presents that path. It may refuse whom `decide`
    /// would let in along another path, who can then make a new handshake. Revocation is not part of it:
    /// [`revocation_plan`](Self::revocation_plan) tells what this policy asks about the path.
    ///
    /// With [`Mode::Passthrough`] nothing is demanded; with [`Mode::ReportOnly`] the answer is what strict mode would say.
    ///
    /// # Errors
    /// Why the client may not stay.
    pub fn recheck(
        &self,
        path: &[PathCertificate],
        identity: &ClientIdentity,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        match self.policy.mode {
            Mode::Passthrough => Ok(()),
            Mode::Strict | Mode::ReportOnly => self.recheck_strict(path, identity, now),
        }
    }

    /// What has to be found out about revocation by this policy for a client with this verified path.
    pub fn revocation_plan(&self, path: &[PathCertificate]) -> RevocationPlan {
        match self.policy.mode {
            Mode::Passthrough => RevocationPlan::default(),
            Mode::Strict | Mode::ReportOnly => self.planner.plan(path),
        }
    }

    fn recheck_strict(
        &self,
        path: &[PathCertificate],
        identity: &ClientIdentity,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        check_belongs(path, identity)?;
        let mut checks = Checks::default();
        let leaf = CertificateDer::from(&*identity.certificate.der);
        let leaf = self.check_client(&leaf, &[], now, &mut checks)?;
        self.paths.recheck(&leaf.certificate, path, now)?;
        self.check_identity(&identity.certificate, &mut checks)
    }
}

/// The path must be that of the client, and must have been verified.
fn check_belongs(path: &[PathCertificate], identity: &ClientIdentity) -> Result<(), Refusal> {
    match identity.verification {
        Verification::Passthrough => {
            return Err(no_path("the client's certificate was never verified"));
        }
        Verification::Verified => {}
    }
    match path.first() {
        Some(first) if first.der[..] == identity.certificate.der[..] => Ok(()),
        Some(_) | None => Err(no_path(
            "the path does not start at the client's certificate",
        )),
    }
}
