//! The table keeps its own rules. What each caller gets is tested from outside (`tests/it/api/matrix.rs`).

use std::collections::HashSet;

use model::Collection;

use super::*;

fn operations() -> impl Iterator<Item = (&'static Route, &'static Operation)> {
    ROUTES
        .iter()
        .flat_map(|route| route.operations.iter().map(move |one| (route, one)))
}

/// A path of a template.
fn example(template: &str) -> String {
    let segment = |wanted: &str| match wanted {
        "{subscriptionId}" | "{operationId}" | "{roleAssignmentName}" | "{roleDefinitionName}" => {
            "11111111-1111-1111-1111-111111111111".to_owned()
        }
        "{collection}" => Collection::SSL_PROFILES.as_str().to_owned(),
        parameter if parameter.starts_with('{') => "example".to_owned(),
        fixed => fixed.to_owned(),
    };
    template
        .split('/')
        .map(segment)
        .collect::<Vec<_>>()
        .join("/")
}

#[test]
fn ids_and_templates_are_unique() {
    let mut ids = HashSet::new();
    for (_, operation) in operations() {
        assert!(ids.insert(operation.id), "twice: {}", operation.id);
    }
    let mut templates = HashSet::new();
    for route in ROUTES {
        let template = route.template.to_ascii_lowercase();
        assert!(templates.insert(template), "twice: {}", route.template);
        let mut methods = HashSet::new();
        for method in route.operations.iter().flat_map(|one| one.verb.methods()) {
            assert!(methods.insert(method), "{method} twice: {}", route.template);
        }
    }
}

#[test]
fn an_action_stands_wherever_somebody_is_asked_who_calls() {
    for (route, operation) in operations() {
        let public = operation.access == Access::Public;
        assert_eq!(operation.action.is_empty(), public, "{}", operation.id);
        let open = matches!(find(&example(route.template)), Ok(found) if matches!(found.path, ArmPath::Open(_)));
        assert_eq!(open, public, "{}", operation.id);
    }
}

#[test]
fn the_public_routes_are_these() {
    let public: Vec<&str> = operations()
        .filter(|(_, operation)| operation.access == Access::Public)
        .map(|(_, operation)| operation.id)
        .collect();
    let expected = [
        "OpenApi_Get",
        "Metadata_Get",
        "Keys_List",
        "OpenIdConfiguration_GetV1",
        "OpenIdConfiguration_GetV2",
        "OpenIdConfiguration_GetAdfsV1",
        "OpenIdConfiguration_GetAdfsV2",
        "Tokens_IssueV1",
        "Tokens_IssueV2",
        "Tokens_IssueAdfsV1",
        "Tokens_IssueAdfsV2",
    ];
    assert_eq!(public, expected);
}

#[test]
fn who_changes_something_needs_the_permission_at_the_resource() {
    for (_, operation) in operations().filter(|(_, operation)| operation.verb.changes()) {
        assert_eq!(operation.access, Access::On, "{}", operation.id);
        assert!(!operation.action.ends_with("/read"), "{}", operation.id);
    }
}

#[test]
fn what_shows_is_a_read() {
    for (_, operation) in operations() {
        if operation.verb == Verb::Get && operation.access != Access::Public {
            assert!(operation.action.ends_with("/read"), "{}", operation.id);
        }
    }
}

#[test]
fn every_template_finds_its_own_route() {
    for route in ROUTES {
        let path = example(route.template);
        let found = find(&path);
        let found = found.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        assert_eq!(found.route.template, route.template, "{path}");
        for other in [path.to_uppercase(), format!("{path}/")] {
            let again = find(&other).unwrap().route.template;
            assert_eq!(again, route.template, "{other}");
        }
    }
}
