//! Where conditions and values look.

use super::field::{FieldName, InvalidFieldName};
use super::variable::{NOT_AVAILABLE, ServerVariable};

/// A value of the request, the response, the connection or the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `var_cookie_<name>`.
    Cookie(Box<str>),
    /// `http_req_<name>`.
    RequestHeader(FieldName),
    /// `http_resp_<name>`.
    ResponseHeader(FieldName),
    /// `var_<name>`.
    Variable(ServerVariable),
}

/// The text names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSource {
    /// No header has the name.
    #[error(transparent)]
    Field(#[from] InvalidFieldName),
    /// Azure has the variable and this gateway does not.
    #[error("the server variable {0} is not available here")]
    NotAvailable(&'static str),
    /// There is no such prefix.
    #[error(
        "{0:?} is no server variable (var_..), request header (http_req_..) or response header (http_resp_..)"
    )]
    Prefix(String),
    /// There is no such variable.
    #[error("there is no server variable {0:?}; names are in lower case")]
    Variable(String),
}

/// What names of sources begin with.
pub(super) const PREFIXES: [&str; 3] = [VARIABLE, REQUEST, RESPONSE];
const VARIABLE: &str = "var_";
const REQUEST: &str = "http_req_";
const RESPONSE: &str = "http_resp_";
const COOKIE: &str = "cookie_";

impl Source {
    /// Reads the `variable` of a condition, or a token without its braces.
    ///
    /// # Errors
    /// [`InvalidSource`].
    pub fn parse(text: &str) -> Result<Self, InvalidSource> {
        if let Some(name) = text.strip_prefix(VARIABLE) {
            Self::variable(name)
        } else if let Some(name) = text.strip_prefix(REQUEST) {
            Ok(Self::RequestHeader(FieldName::of_request(name)?))
        } else if let Some(name) = text.strip_prefix(RESPONSE) {
            Ok(Self::ResponseHeader(FieldName::of_response(name)?))
        } else {
            Err(InvalidSource::Prefix(clip(text)))
        }
    }

    fn variable(name: &str) -> Result<Self, InvalidSource> {
        if let Some(known) = NOT_AVAILABLE.iter().find(|known| **known == name) {
            return Err(InvalidSource::NotAvailable(known));
        }
        if let Some(cookie) = name.strip_prefix(COOKIE).filter(|cookie| is_token(cookie)) {
            return Ok(Self::Cookie(cookie.into()));
        }
        ServerVariable::parse(name)
            .map(Self::Variable)
            .ok_or_else(|| InvalidSource::Variable(clip(name)))
    }

    /// Whether it is known only once there is a response.
    pub fn is_of_response(&self) -> bool {
        matches!(
            self,
            Self::ResponseHeader(_) | Self::Variable(ServerVariable::HttpStatus)
        )
    }

    /// Whether it comes from the client's certificate.
    pub fn is_identity(&self) -> bool {
        matches!(self, Self::Variable(variable) if variable.is_identity())
    }
}

/// Names of cookies are tokens (RFC 6265, section 4.1.1).
fn is_token(name: &str) -> bool {
    FieldName::of_response(name).is_ok()
}

fn clip(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_found_by_its_name() {
        for variable in ServerVariable::ALL {
            let found = Source::parse(&format!("var_{}", variable.name()));
            assert_eq!(found, Ok(Source::Variable(*variable)));
        }
    }

    #[test]
    fn sources_are_read() {
        let request = |name| Source::RequestHeader(FieldName::of_request(name).unwrap());
        let response = |name| Source::ResponseHeader(FieldName::of_response(name).unwrap());
        for (text, expected) in [
            ("http_req_User-Agent", request("User-Agent")),
            ("http_resp_Set_Cookie", response("Set_Cookie")),
            ("var_cookie_session", Source::Cookie("session".into())),
        ] {
            assert_eq!(Source::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_told_why() {
        let check = |text: &str, expected: &str| {
            let error = Source::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("client_ip", "is no server variable (var_..)");
        check("", "is no server variable (var_..)");
        check("VAR_client_ip", "is no server variable (var_..)");
        check("var_Client_Ip", "there is no server variable \"Client_Ip\"");
        check("var_", "there is no server variable \"\"");
        check("var_cookie_", "there is no server variable \"cookie_\"");
        check("var_cookie_a b", "there is no server variable");
        check("http_req_", "is not the name of a request header");
        check("http_req_X_Y", "is not the name of a request header");
        check("http_resp_a b", "is not the name of a response header");
        for name in NOT_AVAILABLE {
            check(&format!("var_{name}"), "is not available here");
        }
    }
}
