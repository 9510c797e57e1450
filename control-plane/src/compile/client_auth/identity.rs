//! Which of the verified clients may in.

use client_auth::{IdentityField, IdentityMatcher, IdentityRule, IdentityRules, MatchKind};
use proto::config::v1 as proto;

/// `None`: everybody with a good path.
pub(super) fn lower(rules: &IdentityRules) -> Option<proto::IdentityRules> {
    (!rules.is_empty()).then(|| proto::IdentityRules {
        deny: rules.deny.iter().map(rule).collect(),
        allow: rules.allow.iter().map(rule).collect(),
    })
}

fn rule(rule: &IdentityRule) -> proto::IdentityRule {
    proto::IdentityRule {
        name: rule.name.clone(),
        all_of: rule.all_of.iter().map(matcher).collect(),
    }
}

fn matcher(matcher: &IdentityMatcher) -> proto::IdentityMatcher {
    let attribute_oid = match matcher.field() {
        IdentityField::SubjectAttribute(attribute) => attribute.dotted().to_owned(),
        _ => String::new(),
    };
    proto::IdentityMatcher {
        field: field(matcher.field()).into(),
        attribute_oid,
        kind: kind(matcher.kind()).into(),
        value: matcher.value().to_owned(),
        ignore_case: matcher.ignores_case(),
    }
}

fn field(field: &IdentityField) -> proto::IdentityField {
    match field {
        IdentityField::SanDns => proto::IdentityField::SanDns,
        IdentityField::SanUri => proto::IdentityField::SanUri,
        IdentityField::SanEmail => proto::IdentityField::SanEmail,
        IdentityField::SanIp => proto::IdentityField::SanIp,
        IdentityField::Subject => proto::IdentityField::Subject,
        IdentityField::SubjectAttribute(_) => proto::IdentityField::SubjectAttribute,
        IdentityField::Issuer => proto::IdentityField::Issuer,
        IdentityField::Serial => proto::IdentityField::Serial,
        IdentityField::Fingerprint => proto::IdentityField::Fingerprint,
        IdentityField::Spki => proto::IdentityField::Spki,
    }
}

fn kind(kind: MatchKind) -> proto::MatchKind {
    match kind {
        MatchKind::Exact => proto::MatchKind::Exact,
        MatchKind::Prefix => proto::MatchKind::Prefix,
        MatchKind::Suffix => proto::MatchKind::Suffix,
        MatchKind::Regex => proto::MatchKind::Regex,
    }
}
