//! What a regular expression looks like to somebody who reads it.
//!
//! These are guesses about the text, for warnings. Nothing is decided by them.

use super::MatchKind;

/// The side on which an expression lets anything in, and what to use instead. Groups, anchors and flags around it do
/// not hide it.
pub(super) fn open_sides(pattern: &str) -> Option<(&'static str, MatchKind)> {
    let start = without_opening(pattern);
    let end = pattern.trim_end_matches([')', '$', '?']);
    let opens = [".*", ".+"];
    let at_start = opens.iter().any(|any| start.starts_with(any));
    let at_end = opens.iter().any(|any| {
        end.strip_suffix(any)
            .is_some_and(|rest| !ends_escaped(rest))
    });
    match (at_start, at_end) {
        (true, true) => Some(("start and end", MatchKind::Exact)),
        (true, false) => Some(("start", MatchKind::Suffix)),
        (false, true) => Some(("end", MatchKind::Prefix)),
        (false, false) => None,
    }
}

/// Whether something that any character matches is repeated.
pub(super) fn repeats_any(pattern: &str) -> bool {
    let any = [".*", ".+", ".{", "[^", r"\S", r"\W", r"\D"];
    any.iter().any(|any| {
        pattern.match_indices(any).any(|(place, _)| {
            pattern
                .get(..place)
                .is_none_or(|before| !ends_escaped(before))
        })
    })
}

/// Whether there is a dot between two letters or digits that is neither escaped nor repeated: `www.example.com`.
pub(super) fn has_bare_dot(pattern: &str) -> bool {
    let bytes = pattern.as_bytes();
    bytes.windows(3).any(|window| {
        matches!(window, [before, b'.', after] if before.is_ascii_alphanumeric() && after.is_ascii_alphanumeric())
    })
}

/// The expression behind anchors, groups and flags.
fn without_opening(pattern: &str) -> &str {
    let mut rest = pattern;
    loop {
        let shorter = rest.trim_start_matches(['^', '(']);
        let shorter = match shorter.strip_prefix('?') {
            Some(flags) => flags.split_once([':', ')']).map_or(flags, |(_, rest)| rest),
            None => shorter,
        };
        if shorter.len() == rest.len() {
            return rest;
        }
        rest = shorter;
    }
}

/// Whether an odd number of backslashes is at the end.
fn ends_escaped(text: &str) -> bool {
    let escapes = text.bytes().rev().take_while(|byte| *byte == b'\\').count();
    !escapes.is_multiple_of(2)
}
