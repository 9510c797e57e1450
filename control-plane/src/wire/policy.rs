//! The definition of `Portcullis.Security/clientAuthPolicies`, which is ours and in no schema of Azure.

use super::Kind::{Array, Boolean, Enum, Integer, Object as Of, Text};
use super::{Member, Object, member, read_only};

pub(super) static CLIENT_AUTH_POLICY: Object = Object {
    name: "ClientAuthPolicy",
    members: &[
        read_only("id"),
        member("name", Text),
        read_only("type"),
        read_only("etag"),
        read_only("systemData"),
        member("properties", Of(&PROPERTIES)),
    ],
};
static PROPERTIES: Object = Object {
    name: "ClientAuthPolicyProperties",
    members: &[
        read_only("provisioningState"),
        read_only("warnings"),
        member("mode", Enum(&["Enforce", "ReportOnly"])),
        member("refusalForm", Enum(&["TlsAlert", "HttpStatus"])),
        member("allowPartialChains", Boolean),
        member("maxIntermediateCertificates", Integer),
        member("keyStrength", Of(&KEY_STRENGTH)),
        member("identityRules", Of(&IDENTITY_RULES)),
        member("revocation", Of(&REVOCATION)),
        member("sessionResumption", Of(&SESSION_RESUMPTION)),
        member("sendCaNames", Boolean),
        member("identityHeaders", Of(&IDENTITY_HEADERS)),
    ],
};
static KEY_STRENGTH: Object = Object {
    name: "KeyStrength",
    members: &[
        member("minimumRsaKeySize", Integer),
        member("minimumEcKeySize", Integer),
        member("signatureAlgorithms", Array(&Enum(SIGNATURE_ALGORITHMS))),
    ],
};
static IDENTITY_RULES: Object = Object {
    name: "IdentityRules",
    members: &[
        member("deny", Array(&Of(&IDENTITY_RULE))),
        member("allow", Array(&Of(&IDENTITY_RULE))),
    ],
};
static IDENTITY_RULE: Object = Object {
    name: "IdentityRule",
    members: &[
        member("name", Text),
        member("allOf", Array(&Of(&IDENTITY_MATCHER))),
    ],
};
static IDENTITY_MATCHER: Object = Object {
    name: "IdentityMatcher",
    members: &[
        member("field", Enum(IDENTITY_FIELDS)),
        member("attribute", Text),
        member("match", Enum(&["Exact", "Prefix", "Suffix", "Regex"])),
        member("value", Text),
        member("ignoreCase", Boolean),
    ],
};
static REVOCATION: Object = Object {
    name: "Revocation",
    members: &[
        member("default", Of(&REVOCATION_RULE)),
        member(
            "trustedClientCertificates",
            Array(&Of(&UPLOAD_REVOCATION_RULE)),
        ),
    ],
};
static REVOCATION_RULE: Object = Object {
    name: "RevocationRule",
    members: &[METHOD, SCOPE, ON_FAILURE, GRACE, RESPONDER, NONCE, FETCH],
};
static UPLOAD_REVOCATION_RULE: Object = Object {
    name: "TrustedClientCertificateRevocationRule",
    members: &[
        member("name", Text),
        METHOD,
        SCOPE,
        ON_FAILURE,
        GRACE,
        RESPONDER,
        NONCE,
        FETCH,
    ],
};
const METHOD: Member = member("method", Enum(&["None", "Ocsp", "Crl", "OcspThenCrl"]));
const SCOPE: Member = member("scope", Enum(&["Leaf", "Chain"]));
const ON_FAILURE: Member = member("onFailure", Enum(&["Refuse", "Allow"]));
const GRACE: Member = member("gracePeriodSeconds", Integer);
const RESPONDER: Member = member("responderUrl", Text);
const NONCE: Member = member("nonce", Boolean);
const FETCH: Member = member("fetchCrls", Boolean);
static SESSION_RESUMPTION: Object = Object {
    name: "SessionResumption",
    members: &[
        member("enabled", Boolean),
        member("lifetimeSeconds", Integer),
    ],
};
static IDENTITY_HEADERS: Object = Object {
    name: "IdentityHeaders",
    members: &[
        member("clientCert", Boolean),
        member("clientCertChain", Boolean),
        member("xfcc", Boolean),
    ],
};
static SIGNATURE_ALGORITHMS: &[&str] = &[
    "RsaPkcs1Sha256",
    "RsaPkcs1Sha384",
    "RsaPkcs1Sha512",
    "RsaPssSha256",
    "RsaPssSha384",
    "RsaPssSha512",
    "EcdsaSha256",
    "EcdsaSha384",
    "EcdsaSha512",
    "Ed25519",
    "MlDsa44",
    "MlDsa65",
    "MlDsa87",
];
static IDENTITY_FIELDS: &[&str] = &[
    "SanDns",
    "SanUri",
    "SanEmail",
    "SanIp",
    "Subject",
    "SubjectAttribute",
    "Issuer",
    "Serial",
    "Fingerprint",
    "Spki",
];
