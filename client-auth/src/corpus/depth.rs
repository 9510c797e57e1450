//! How many CAs may stand between a client and its anchor: the policy's limit, and never more than six.

use super::authority::{Authority, plain};
use super::{Corpus, below, client, trusting};
use crate::Reason;

const RULE: &str = "the policy's number of intermediates";

pub(super) fn add(corpus: &mut Corpus) {
    let root = Authority::root("root");
    let mut cas: Vec<Authority> = Vec::new();
    for level in 1..=8 {
        let next = below(cas.last().unwrap_or(&root), &format!("ca {level}"), &plain);
        cas.push(next);
    }
    for (limit, depth, verdict) in [
        (0, 0, Ok(())),
        (0, 1, Err(Reason::TooDeep)),
        (1, 1, Ok(())),
        (1, 2, Err(Reason::TooDeep)),
        (4, 4, Ok(())),
        (4, 5, Err(Reason::TooDeep)),
        (6, 6, Ok(())),
        (6, 7, Err(Reason::TooDeep)),
    ] {
        add_depth(corpus, &root, &cas[..depth], limit, verdict);
    }
    let mut policy = trusting(&[&[&root.der]]);
    policy.limits.max_intermediates = 250;
    let leaf = client(&cas[7]);
    let mut chain = vec![&leaf];
    chain.extend(cas.iter().map(|ca| &ca.der));
    corpus.limit(
        "8 CAs where 250 may be",
        RULE,
        ("a path has at most 6 intermediates", Reason::TooDeep),
        &policy,
        &chain,
    );
    let mut uploaded = trusting(&[&[&root.der, &cas[0].der, &cas[1].der]]);
    uploaded.limits.max_intermediates = 1;
    let leaf = client(&cas[1]);
    corpus.bad(
        "uploaded CAs count as well",
        RULE,
        Reason::TooDeep,
        &uploaded,
        &[&leaf],
    );
}

fn add_depth(
    corpus: &mut Corpus,
    root: &Authority,
    cas: &[Authority],
    limit: u8,
    verdict: Result<(), Reason>,
) {
    let mut policy = trusting(&[&[&root.der]]);
    policy.limits.max_intermediates = limit;
    let leaf = client(cas.last().unwrap_or(root));
    let mut chain = vec![&leaf];
    chain.extend(cas.iter().map(|ca| &ca.der));
    let name = format!("{} CAs where {limit} may be", cas.len());
    corpus.judged(name, RULE, verdict, &policy, &chain);
}
