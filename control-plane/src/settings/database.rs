//! The address of the database, with its password kept out of logs.

use std::fmt;

/// `postgres://…` or `sqlite://…`. `Debug` and `Display` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Accepts the schemes that the store knows.
    ///
    /// # Errors
    /// A sentence for the user when the scheme is another one. It does not repeat the URL, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let known = ["postgres://", "postgresql://", "sqlite:"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        if known {
            Ok(Self(url.to_owned()))
        } else {
            Err("must start with postgres:// or sqlite://".to_owned())
        }
    }

    /// The whole URL, password included.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self
            .0
            .split_once('?')
            .map_or(self.0.as_str(), |(url, parameters)| {
                // A `?` in a password that is not percent-encoded: what stands before it may be the password's begin.
                if parameters.contains('@') { "" } else { url }
            });
        if url.is_empty() {
            return f.write_str("redacted");
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            return f.write_str(url);
        };
        match rest.rsplit_once('@') {
            Some((user, host)) => {
                let user = user.split_once(':').map_or(user, |(user, _password)| user);
                write!(f, "{scheme}://{user}:redacted@{host}")
            }
            None => f.write_str(url),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_never_shown() {
        check(
            "postgres://app:p@ss:w0rd@db:5432/portcullis",
            "postgres://app:redacted@db:5432/portcullis",
        );
        check(
            "postgres://db/portcullis?user=a&password=b",
            "postgres://db/portcullis",
        );
        check("postgres://app:p?ss@db/portcullis", "redacted");
        check(
            "sqlite:///var/lib/portcullis.db",
            "sqlite:///var/lib/portcullis.db",
        );
    }

    fn check(url: &str, shown: &str) {
        let url = DatabaseUrl::parse(url).unwrap();
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), shown);
    }
}
