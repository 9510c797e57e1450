//! The deepest CA of an upload: Azure's rule for the issuer that `verifyClientCertIssuerDN` demands.

use crate::SignatureChecks;
use crate::certificate::Certificate;
use crate::signature;

/// Signatures that are verified for one upload.
const MAX_SIGNATURES: usize = 300;
/// Steps along chains for one upload.
const MAX_STEPS: usize = 20_000;

/// The last CA of the longest chain that starts at one of `tops`; of equally long chains, that of the CA that comes first
/// in the file. `None` when the certificates sign each other in too many ways to tell, or there is no top.
///
/// A chain is made of verified signatures, not of equal names, and has no CA (name and key) twice.
pub(crate) fn find<'c, 'a>(
    cas: &'c [Certificate<'a>],
    tops: &[usize],
) -> Option<&'c Certificate<'a>> {
    let mut search = Search {
        cas,
        issued: issued(cas)?,
        steps: MAX_STEPS,
        best: (0, *tops.iter().min()?),
    };
    for top in tops {
        search.walk(&mut vec![*top])?;
    }
    cas.get(search.best.1)
}

struct Search<'c, 'a> {
    cas: &'c [Certificate<'a>],
    /// For each CA those that it signed.
    issued: Vec<Vec<usize>>,
    steps: usize,
    /// Depth and index of the deepest CA so far.
    best: (usize, usize),
}

impl Search<'_, '_> {
    /// Follows all chains that continue `chain`; `None` when the steps are used up.
    fn walk(&mut self, chain: &mut Vec<usize>) -> Option<()> {
        self.steps = self.steps.checked_sub(1)?;
        let depth = chain.len() - 1;
        let Some(&last) = chain.last() else {
            return Some(());
        };
        let (best_depth, best_index) = self.best;
        if depth > best_depth || (depth == best_depth && last < best_index) {
            self.best = (depth, last);
        }
        for next in self.issued.get(last).cloned().unwrap_or_default() {
            if !self.repeats(chain, next) {
                chain.push(next);
                self.walk(chain)?;
                chain.pop();
            }
        }
        Some(())
    }

    /// Whether the CA `next` (name and key) is in `chain` already.
    fn repeats(&self, chain: &[usize], next: usize) -> bool {
        let Some(next) = self.cas.get(next) else {
            return true;
        };
        chain
            .iter()
            .filter_map(|index| self.cas.get(*index))
            .any(|ca| ca.subject == next.subject && ca.key.spki == next.key.spki)
    }
}

/// For each CA the others whose certificates it signed; `None` when that takes too many signatures to find out.
fn issued(cas: &[Certificate<'_>]) -> Option<Vec<Vec<usize>>> {
    let algorithms = signature::algorithms(SignatureChecks::Always);
    let mut signatures = MAX_SIGNATURES;
    let mut issued = Vec::with_capacity(cas.len());
    for issuer in cas {
        let mut children = Vec::new();
        for (index, child) in cas.iter().enumerate() {
            if child.issuer != issuer.subject || child.der == issuer.der {
                continue;
            }
            signatures = signatures.checked_sub(1)?;
            if signature::verify(&child.signed, &issuer.key, algorithms).is_ok() {
                children.push(index);
            }
        }
        issued.push(children);
    }
    Some(issued)
}
