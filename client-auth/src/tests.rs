//! The decision as a whole, by table.

mod bundles;
mod crl_large;
mod crl_lists;
mod crl_rollbacks;
mod crl_scopes;
mod crl_sets;
mod hostile;
mod identities;
mod leafs;
mod names;
mod ocsp_answers;
mod ocsp_openssl;
mod ocsp_requests;
mod ocsp_signers;
mod ocsp_times;
mod partial_chains;
mod paths;
mod pins;
mod policies;
mod rechecks;
mod revocation_hostile;
mod revocation_plans;
mod rule_lint;
mod rules;
mod strengths;
mod validity;
