//! What both planes have to know alike.

use std::collections::BTreeSet;

use data_plane::rewrite::{IdentityVariable, Variable};
use model::rewrite::ServerVariable;

#[test]
fn the_control_plane_takes_the_server_variables_that_workers_have() {
    let taken: BTreeSet<_> = ServerVariable::ALL
        .iter()
        .map(|variable| (variable.name(), variable.is_identity()))
        .collect();
    let plain = Variable::ALL
        .iter()
        .map(|variable| (variable.name(), false));
    let identity = IdentityVariable::ALL
        .iter()
        .map(|variable| (variable.name(), true));
    assert_eq!(taken, plain.chain(identity).collect());
}
