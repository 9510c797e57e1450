//! What TLS a listener speaks, as far as the TLS library of the workers goes.

/// A cipher suite of rustls with aws-lc-rs that Azure has a name for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CipherSuite {
    /// TLS 1.3.
    Aes256GcmSha384,
    /// TLS 1.3.
    Aes128GcmSha256,
    /// TLS 1.2.
    EcdheRsaAes256GcmSha384,
    /// TLS 1.2.
    EcdheRsaAes128GcmSha256,
    /// TLS 1.2.
    EcdheEcdsaAes256GcmSha384,
    /// TLS 1.2.
    EcdheEcdsaAes128GcmSha256,
}

/// Protocol versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsVersions {
    /// TLS 1.2 only.
    Tls12,
    /// TLS 1.2 and 1.3.
    Tls12And13,
    /// TLS 1.3 only.
    Tls13,
}

/// Azure's two generations of policies, which one gateway cannot mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyGeneration {
    /// 2017 predefined ones and `Custom`.
    Old,
    /// 2022 predefined ones and `CustomV2`.
    New,
}

/// An effective policy: at least one suite for each version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPolicy {
    versions: TlsVersions,
    suites: Vec<CipherSuite>,
    generation: PolicyGeneration,
}

/// TLS 1.2 is wanted and no suite for it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no cipher suite for TLS 1.2 is left")]
pub struct NoCipherSuite;

/// Both suites of TLS 1.3, which cannot be chosen.
const TLS13_SUITES: [CipherSuite; 2] = [CipherSuite::Aes256GcmSha384, CipherSuite::Aes128GcmSha256];

impl CipherSuite {
    /// The IANA number.
    pub fn iana(self) -> u16 {
        match self {
            Self::Aes128GcmSha256 => 0x1301,
            Self::Aes256GcmSha384 => 0x1302,
            Self::EcdheEcdsaAes128GcmSha256 => 0xc02b,
            Self::EcdheEcdsaAes256GcmSha384 => 0xc02c,
            Self::EcdheRsaAes128GcmSha256 => 0xc02f,
            Self::EcdheRsaAes256GcmSha384 => 0xc030,
        }
    }

    /// The TLS 1.2 suite of an Azure name; `None` for those that the workers do not have.
    pub fn of_tls12(azure_name: &str) -> Option<Self> {
        match azure_name {
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" => Some(Self::EcdheEcdsaAes128GcmSha256),
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" => Some(Self::EcdheEcdsaAes256GcmSha384),
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" => Some(Self::EcdheRsaAes128GcmSha256),
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" => Some(Self::EcdheRsaAes256GcmSha384),
            _ => None,
        }
    }
}

impl TlsPolicy {
    /// Joins the parts; `tls12_suites` in order of preference, those of TLS 1.3 are added where 1.3 is spoken.
    ///
    /// # Errors
    /// [`NoCipherSuite`].
    pub fn new(
        versions: TlsVersions,
        tls12_suites: &[CipherSuite],
        generation: PolicyGeneration,
    ) -> Result<Self, NoCipherSuite> {
        let mut suites = match versions {
            TlsVersions::Tls12 => Vec::new(),
            TlsVersions::Tls12And13 | TlsVersions::Tls13 => TLS13_SUITES.to_vec(),
        };
        if versions != TlsVersions::Tls13 {
            if tls12_suites.is_empty() {
                return Err(NoCipherSuite);
            }
            for suite in tls12_suites {
                if !suites.contains(suite) {
                    suites.push(*suite);
                }
            }
        }
        Ok(Self {
            versions,
            suites,
            generation,
        })
    }

    /// `AppGwSslPolicy20220101` and `AppGwSslPolicy20220101S`, which differ only in suites that the workers lack. The
    /// first is the policy of a gateway that names none.
    ///
    /// Differs from Azure: whatever the api-version; before 2023-02-01 Azure falls back to a policy with TLS 1.0.
    pub fn predefined_2022() -> Self {
        let suites = [
            CipherSuite::Aes256GcmSha384,
            CipherSuite::Aes128GcmSha256,
            CipherSuite::EcdheRsaAes256GcmSha384,
            CipherSuite::EcdheRsaAes128GcmSha256,
            CipherSuite::EcdheEcdsaAes256GcmSha384,
            CipherSuite::EcdheEcdsaAes128GcmSha256,
        ];
        Self {
            versions: TlsVersions::Tls12And13,
            suites: suites.to_vec(),
            generation: PolicyGeneration::New,
        }
    }

    /// `AppGwSslPolicy20170401S`: TLS 1.2 only.
    pub fn predefined_2017_strict() -> Self {
        let suites = [
            CipherSuite::EcdheEcdsaAes128GcmSha256,
            CipherSuite::EcdheEcdsaAes256GcmSha384,
            CipherSuite::EcdheRsaAes256GcmSha384,
            CipherSuite::EcdheRsaAes128GcmSha256,
        ];
        Self {
            versions: TlsVersions::Tls12,
            suites: suites.to_vec(),
            generation: PolicyGeneration::Old,
        }
    }

    /// The protocol versions.
    pub fn versions(&self) -> TlsVersions {
        self.versions
    }

    /// In order of preference, TLS 1.3 first.
    pub fn suites(&self) -> &[CipherSuite] {
        &self.suites
    }

    /// The generation of the name it came from.
    pub fn generation(&self) -> PolicyGeneration {
        self.generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_a_suite_for_each_version() {
        let one = [CipherSuite::EcdheRsaAes128GcmSha256];
        let new = |versions, suites| {
            TlsPolicy::new(versions, suites, PolicyGeneration::New)
                .map(|policy| policy.suites().len())
        };
        assert_eq!(new(TlsVersions::Tls12, &one), Ok(1));
        assert_eq!(new(TlsVersions::Tls12And13, &one), Ok(3));
        assert_eq!(new(TlsVersions::Tls13, &one), Ok(2));
        assert_eq!(new(TlsVersions::Tls13, &[]), Ok(2));
        assert_eq!(new(TlsVersions::Tls12, &[]), Err(NoCipherSuite));
        assert_eq!(new(TlsVersions::Tls12And13, &[]), Err(NoCipherSuite));
    }
}
