//! Request routing rules.

use std::sync::Arc;

use crate::backend::{BackendAddressPool, BackendHttpSettings};
use crate::child::child;
use crate::draft;
use crate::name::ResourceName;
use crate::port::Priority;
use crate::rewrite::RewriteRuleSet;

/// A basic rule: all requests of one listener go to one pool.
#[derive(Debug, Clone)]
pub struct RequestRoutingRule {
    pub(crate) name: ResourceName,
    pub(crate) priority: Priority,
    pub(crate) pool: Arc<BackendAddressPool>,
    pub(crate) settings: Arc<BackendHttpSettings>,
    pub(crate) rewrite_rule_set: Option<Arc<RewriteRuleSet>>,
}

impl RequestRoutingRule {
    /// Its name.
    pub fn name(&self) -> &ResourceName {
        &self.name
    }

    /// Where it stands among the rules; unique in a gateway.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Where requests go.
    pub fn pool(&self) -> &BackendAddressPool {
        &self.pool
    }

    /// How they go there.
    pub fn settings(&self) -> &BackendHttpSettings {
        &self.settings
    }

    /// What is changed on the way.
    pub fn rewrite_rule_set(&self) -> Option<&RewriteRuleSet> {
        self.rewrite_rule_set.as_deref()
    }
}

child!(draft::RequestRoutingRule, REQUEST_ROUTING_RULES, 400);
child!(draft::Probe, PROBES, 100);
