//! The decision as a whole, by table.

mod bundles;
mod hostile;
mod identities;
mod leafs;
mod names;
mod paths;
mod pins;
mod policies;
mod revocation_plans;
mod validity;
