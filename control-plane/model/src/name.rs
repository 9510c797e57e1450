//! Names: of subscriptions, resource groups, gateways and their children.

use std::fmt;

use crate::caseless::Caseless;

/// The text is not a name of the wanted kind. Says what the rule is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// See [`SubscriptionId`].
    #[error("subscription id {0:?} is not a GUID")]
    Subscription(String),
    /// See [`ResourceGroupName`].
    #[error(
        "resource group name {0:?} is invalid: 1 to 90 letters, digits, '.', '_', '-', '(' and ')', not ending in '.'"
    )]
    ResourceGroup(String),
    /// See [`ResourceName`].
    #[error(
        "resource name {0:?} is invalid: 1 to 80 letters, digits, '.', '_' and '-', beginning with a letter or digit, \
         ending with a letter, digit or '_'"
    )]
    Resource(String),
}

/// The GUID of a subscription. Compares without case; displays as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(Caseless);

/// Name of a resource group: 1 to 90 of letters, digits and `._-()`, not ending in a period. Compares without case.
///
/// Differs from Azure: only ASCII letters, because names compare without case on every database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceGroupName(Caseless);

/// Name of a gateway or of one of its children: 1 to 80 of letters, digits and `._-`, beginning with a letter or
/// digit and ending with a letter, digit or underscore (Azure's rule for `Microsoft.Network`). Compares without case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName(Caseless);

impl SubscriptionId {
    /// Takes a GUID in the 8-4-4-4-12 form.
    ///
    /// # Errors
    /// [`InvalidName::Subscription`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths_fit = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
        let hex = text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        if lengths_fit && hex {
            Ok(Self(Caseless::new(text)))
        } else {
            Err(InvalidName::Subscription(clip(text)))
        }
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl ResourceGroupName {
    /// Takes a name that follows the rule of the type.
    ///
    /// # Errors
    /// [`InvalidName::ResourceGroup`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-()".contains(&byte);
        let valid =
            (1..=90).contains(&text.len()) && text.bytes().all(allowed) && !text.ends_with('.');
        if valid {
            Ok(Self(Caseless::new(text)))
        } else {
            Err(InvalidName::ResourceGroup(clip(text)))
        }
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl ResourceName {
    /// Takes a name that follows the rule of the type.
    ///
    /// # Errors
    /// [`InvalidName::Resource`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let begins = text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        let ends = text
            .bytes()
            .last()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let valid = text.len() <= 80 && begins && ends && text.bytes().all(allowed);
        if valid {
            Ok(Self(Caseless::new(text)))
        } else {
            Err(InvalidName::Resource(clip(text)))
        }
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ResourceGroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// So much of a bad name that a reader recognises it.
fn clip(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_names_follow_azures_rule() {
        for good in ["a", "A1", "gw_", "a.b-c_d", "1", &"x".repeat(80)] {
            assert!(ResourceName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "_a",
            "-a",
            ".a",
            "a-",
            "a.",
            "a b",
            "a/b",
            "é",
            &"x".repeat(81),
        ] {
            assert!(ResourceName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn resource_group_names_follow_azures_rule() {
        for good in ["rg", "-", "(a)", "_x.y", &"x".repeat(90)] {
            assert!(ResourceGroupName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "rg.", "a/b", "a b", &"x".repeat(91)] {
            assert!(ResourceGroupName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_subscription_is_a_guid() {
        assert!(SubscriptionId::parse("11111111-2222-3333-4444-5555aaaaBBBB").is_ok());
        for bad in [
            "",
            "sub",
            "11111111222233334444555566667777",
            "g1111111-2222-3333-4444-555566667777",
        ] {
            assert!(SubscriptionId::parse(bad).is_err(), "{bad}");
        }
    }
}
