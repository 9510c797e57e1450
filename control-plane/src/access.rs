//! The decision whether a caller may do something: role assignments, from a scope downwards.
//!
//! Pure: the same assignments give the same decision. A [`Reach`] is its only result and cannot be made elsewhere.

use std::fmt;

use model::{GatewayId, ResourceGroupId, SubscriptionId};

use crate::role::Role;

/// Where a role is assigned, or where something is asked for: everything, or an ARM id and all below it.
///
/// Kept in lower case and without a slash at the end, so that everything is the empty text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(String);

/// Not the scope of an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is /, or the id of a subscription, a resource group or an application gateway")]
pub struct InvalidScope;

impl Scope {
    /// Everything: `/`.
    pub fn root() -> Self {
        Self(String::new())
    }

    /// That of an ARM id, which need not be one that roles can be assigned at.
    pub fn of(id: &str) -> Self {
        Self(id.trim_end_matches('/').to_ascii_lowercase())
    }

    /// One that roles can be assigned at.
    ///
    /// # Errors
    /// [`InvalidScope`].
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let scope = Self::of(text);
        let subscription = scope.0.strip_prefix("/subscriptions/");
        let valid = text == "/"
            || subscription.is_some_and(|id| SubscriptionId::parse(id).is_ok())
            || ResourceGroupId::parse(&scope.0).is_ok()
            || GatewayId::parse(&scope.0).is_ok();
        valid.then_some(scope).ok_or(InvalidScope)
    }

    /// The text in which it is stored and compared; empty for everything.
    pub fn key(&self) -> &str {
        &self.0
    }

    /// The id of the subscription that it is or lies in, as [`Scope::key`] has it; empty for everything.
    pub fn subscription(&self) -> &str {
        let end = self.0.match_indices('/').nth(2).map(|(index, _)| index);
        end.and_then(|end| self.0.get(..end)).unwrap_or(&self.0)
    }

    /// Whether `other` is this scope or lies below it, by whole segments.
    pub fn covers(&self, other: &Self) -> bool {
        other
            .0
            .strip_prefix(&self.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// As ARM writes it, in lower case.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

/// A role that a principal has at a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// What it allows.
    pub role: Role,
    /// Where, and below.
    pub scope: Scope,
}

/// The scopes that a permission holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach(Vec<Scope>);

/// Whether `action` is allowed at `scope`.
pub fn on(assigned: &[Assigned], action: &str, scope: &Scope) -> Option<Reach> {
    let allowed = |one: &&Assigned| one.role.allows(action) && one.scope.covers(scope);
    assigned.iter().find(allowed)?;
    Some(Reach(vec![scope.clone()]))
}

/// Where at or below `scope` the `action` is allowed; `None`: nowhere.
pub fn within(assigned: &[Assigned], action: &str, scope: &Scope) -> Option<Reach> {
    if let Some(reach) = on(assigned, action, scope) {
        return Some(reach);
    }
    let below = assigned
        .iter()
        .filter(|one| one.role.allows(action) && scope.covers(&one.scope));
    let mut scopes: Vec<Scope> = below.map(|one| one.scope.clone()).collect();
    scopes.sort();
    scopes.dedup();
    (!scopes.is_empty()).then_some(Reach(scopes))
}

impl Reach {
    /// Everything; for what acts for no caller.
    pub(crate) fn everything() -> Self {
        Self(vec![Scope::root()])
    }

    /// No resource at all; for answers that show callers what is theirs.
    pub fn nothing() -> Self {
        Self(Vec::new())
    }

    /// Whether it holds for the resource with this id or for something below it.
    pub fn touches(&self, id: &str) -> bool {
        let id = Scope::of(id);
        let near = |scope: &Scope| scope.covers(&id) || id.covers(scope);
        self.0.iter().any(near)
    }

    /// Whether it holds for the resource with this id.
    pub fn covers(&self, id: &str) -> bool {
        let id = Scope::of(id);
        self.0.iter().any(|scope| scope.covers(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";
    const READ: &str = "Microsoft.Network/applicationGateways/read";

    fn group(name: &str) -> String {
        format!("{SUBSCRIPTION}/resourceGroups/{name}")
    }

    fn gateway(name: &str) -> String {
        format!(
            "{}/providers/Microsoft.Network/applicationGateways/{name}",
            group("rg")
        )
    }

    fn reader(scope: &str) -> Vec<Assigned> {
        vec![Assigned {
            role: Role::Reader,
            scope: Scope::parse(scope).unwrap(),
        }]
    }

    #[test]
    fn a_role_holds_at_its_scope_and_below_and_nowhere_else() {
        for (assigned, asked, allowed) in [
            ("/", SUBSCRIPTION.to_owned(), true),
            ("/", "/".to_owned(), true),
            (SUBSCRIPTION, group("rg"), true),
            (SUBSCRIPTION, "/".to_owned(), false),
            (
                SUBSCRIPTION,
                "/subscriptions/22222222-2222-2222-2222-222222222222".to_owned(),
                false,
            ),
            (&group("RG"), gateway("gw").to_uppercase(), true),
            (&group("r"), gateway("gw"), false),
            (&group("rg"), group("rg2"), false),
            (
                &gateway("gw"),
                format!("{}/sslProfiles/p", gateway("gw")),
                true,
            ),
            (&gateway("gw"), gateway("gw2"), false),
            (&gateway("gw"), group("rg"), false),
        ] {
            let reach = on(&reader(assigned), READ, &Scope::of(&asked));
            assert_eq!(reach.is_some(), allowed, "{assigned} {asked}");
        }
    }

    #[test]
    fn what_lies_within_is_found_and_nothing_beside_it() {
        let mut assigned = reader(&group("rg"));
        assigned.extend(reader(&gateway("gw")));
        let reach = within(&assigned, READ, &Scope::of(SUBSCRIPTION)).unwrap();
        assert!(reach.covers(&gateway("other")));
        assert!(!reach.covers(SUBSCRIPTION));
        assert!(!reach.covers(&group("rg2")));
        assert_eq!(within(&assigned, READ, &Scope::of(&group("x"))), None);
        assert_eq!(within(&assigned, "a/write", &Scope::of(SUBSCRIPTION)), None);
        let all = within(&reader("/"), READ, &Scope::of(SUBSCRIPTION)).unwrap();
        assert!(all.covers(SUBSCRIPTION) && !all.covers("/"));
    }

    #[test]
    fn the_subscription_of_a_scope_is_its_beginning() {
        for (scope, expected) in [
            ("/", ""),
            (SUBSCRIPTION, SUBSCRIPTION),
            (&group("rg"), SUBSCRIPTION),
            (&gateway("gw"), SUBSCRIPTION),
        ] {
            assert_eq!(Scope::of(scope).subscription(), expected);
        }
    }

    #[test]
    fn without_an_assignment_nothing_is_allowed() {
        assert_eq!(on(&[], READ, &Scope::root()), None);
        assert_eq!(within(&[], READ, &Scope::root()), None);
    }

    #[test]
    fn scopes_of_assignments_are_ids() {
        for good in ["/", SUBSCRIPTION, &group("rg"), &gateway("gw")] {
            assert_eq!(Scope::parse(good).unwrap(), Scope::of(good));
        }
        for bad in [
            "",
            "rg",
            "//",
            "/subscriptions",
            "/subscriptions/x",
            "/providers/a",
        ] {
            assert_eq!(Scope::parse(bad), Err(InvalidScope), "{bad}");
        }
        assert_eq!(Scope::root().to_string(), "/");
    }
}
