//! Whether one rule makes another one superfluous, where that can be told.

use super::{IdentityField, IdentityMatcher, IdentityRule, MatchKind};

/// Whether `wide` surely matches every client that `narrow` matches. `false`: it does not, or nobody can tell.
pub(super) fn covers(wide: &IdentityRule, narrow: &IdentityRule) -> bool {
    let implied = |wide: &IdentityMatcher| narrow.all_of.iter().any(|narrow| implies(narrow, wide));
    !wide.all_of.is_empty() && wide.all_of.iter().all(implied)
}

/// Whether a value that matches `narrow` surely matches `wide`, too.
fn implies(narrow: &IdentityMatcher, wide: &IdentityMatcher) -> bool {
    if narrow.field() != wide.field() {
        return false;
    }
    if narrow == wide || wide.pattern().matches_everything() {
        return true;
    }
    if *narrow.field() == IdentityField::SanIp {
        return wide.pattern().contains(narrow.pattern());
    }
    // Other spellings of the value would have to match, too.
    let has_letters = narrow
        .value()
        .bytes()
        .any(|byte| byte.is_ascii_alphabetic());
    if narrow.ignores_case() && !wide.ignores_case() && has_letters {
        return false;
    }
    let comparable = narrow.kind() == MatchKind::Exact
        || (narrow.kind() == wide.kind() && narrow.kind() != MatchKind::Regex);
    comparable && wide.pattern().matches(narrow.value())
}
