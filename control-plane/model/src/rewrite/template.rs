//! Values of header fields: text, and tokens in braces that stand for other values.

use super::condition::Condition;
use super::header::{Matcher, Side};
use super::source::{InvalidSource, PREFIXES, Source};

/// A value to be made for each request. Empty: the field is to be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// `{var_uri_path_1}`: what a condition of the same rule has captured.
    Capture {
        /// Which condition of the rule; it is not negated.
        condition: usize,
        /// From 1 on; the condition's pattern has so many groups.
        group: usize,
    },
    /// `{capt_header_value_matcher_1}`: what the matcher of the same header has captured; 0 is the whole value.
    MatcherCapture(usize),
    /// `{var_uri_path}`: a whole value.
    Source(Source),
    /// Anything else.
    Text(String),
}

/// What tokens of a value can refer to.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Where the header stands.
    pub side: Side,
    /// The conditions of the rule.
    pub conditions: &'a [Condition],
    /// The matcher of the header.
    pub matcher: Option<&'a Matcher>,
}

/// The text is not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// It has nothing but blanks.
    #[error("it has nothing but blanks; an empty value removes the header")]
    Blank,
    /// The condition that a capture refers to is written in another case.
    #[error("{{{token}}} refers to the condition on {written}, which is written in another case")]
    Case {
        /// The token.
        token: String,
        /// The variable of the condition.
        written: String,
    },
    /// A control character, such as a line feed.
    #[error("it holds the control character {0:?}")]
    ControlCharacter(char),
    /// A capture by a negated condition or matcher.
    #[error("{{{0}}} refers to something negated, which captures nothing")]
    Negated(String),
    /// A capture for which the rule has no condition.
    #[error("{{{0}}} refers to a capture, but no condition of the rule is on that variable")]
    NoCondition(String),
    /// A capture that the pattern does not make.
    #[error("{{{token}}} refers to group {group}, but the pattern has {groups}")]
    NoGroup {
        /// The token.
        token: String,
        /// The number in it.
        group: usize,
        /// The groups that there are.
        groups: usize,
    },
    /// `capt_header_value_matcher` without a matcher.
    #[error("{{{0}}} needs a headerValueMatcher on the same header")]
    NoMatcher(String),
    /// The response is not there yet.
    #[error("{{{0}}} is known only once there is a response")]
    Response(String),
    /// A token names nothing.
    #[error("{{{token}}}: {error}")]
    Source {
        /// The token.
        token: String,
        /// Why.
        error: InvalidSource,
    },
    /// See [`Template::LONGEST`].
    #[error("it has {0} bytes, at most {limit} are allowed", limit = Template::LONGEST)]
    TooLong(usize),
    /// A token without its closing brace.
    #[error("the token {0:?} has no closing brace")]
    Unclosed(String),
}

const MATCHER: &str = "capt_header_value_matcher";

impl Template {
    /// Bytes of its text.
    pub const LONGEST: usize = 8192;

    /// Reads a value. A brace that begins no token is text, as in JSON; a word in braces that is none is an error.
    ///
    /// # Errors
    /// [`InvalidTemplate`].
    pub fn parse(text: &str, scope: Scope<'_>) -> Result<Self, InvalidTemplate> {
        if text.len() > Self::LONGEST {
            return Err(InvalidTemplate::TooLong(text.len()));
        }
        if let Some(control) = text.chars().find(|c| c.is_control() && *c != '\t') {
            return Err(InvalidTemplate::ControlCharacter(control));
        }
        let trimmed = text.trim_matches([' ', '\t']);
        if trimmed.is_empty() && !text.is_empty() {
            return Err(InvalidTemplate::Blank);
        }
        let mut template = Self::default();
        let mut rest = trimmed;
        while let Some((before, opened)) = rest.split_once('{') {
            template.push_text(before);
            if let Some((name, after)) = token(opened)? {
                template.0.push(scope.resolve(name)?);
                rest = after;
            } else {
                template.push_text("{");
                rest = opened;
            }
        }
        template.push_text(rest);
        Ok(template)
    }

    /// In order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether the field is to be removed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value, if it is the same for every request.
    pub fn as_text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    fn push_text(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(last)) => last.push_str(text),
            _ => self.0.push(Part::Text(text.to_owned())),
        }
    }
}

/// The token that `opened`, the text behind a brace, begins with, and what follows it.
fn token(opened: &str) -> Result<Option<(&str, &str)>, InvalidTemplate> {
    let begins = PREFIXES
        .iter()
        .chain([&MATCHER])
        .any(|prefix| opened.starts_with(prefix));
    match opened.split_once('}') {
        Some((name, after)) if begins || is_word(name) => Ok(Some((name, after))),
        None if begins => Err(InvalidTemplate::Unclosed(clip(opened))),
        Some(_) | None => Ok(None),
    }
}

fn is_word(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.bytes().all(allowed)
}

impl Scope<'_> {
    fn resolve(&self, token: &str) -> Result<Part, InvalidTemplate> {
        if let Some(suffix) = token.strip_prefix(MATCHER) {
            return self.matcher_capture(token, suffix);
        }
        if let Some((variable, group)) = split_group(token)
            && let Some(part) = self.capture(token, variable, group)?
        {
            return Ok(part);
        }
        match Source::parse(token) {
            Ok(source) if self.side == Side::Request && source.is_of_response() => {
                Err(InvalidTemplate::Response(clip(token)))
            }
            Ok(source) => Ok(Part::Source(source)),
            Err(error) => {
                let token = clip(token);
                Err(InvalidTemplate::Source { token, error })
            }
        }
    }

    /// `None`: the digits at the end of the token belong to the name of a cookie.
    fn capture(
        &self,
        token: &str,
        variable: &str,
        group: usize,
    ) -> Result<Option<Part>, InvalidTemplate> {
        let on_it = |condition: &&Condition| condition.written() == variable;
        let named: Vec<_> = self.conditions.iter().filter(on_it).collect();
        let position = self
            .conditions
            .iter()
            .position(|condition| on_it(&condition) && !condition.is_negated());
        if let Some(condition) = position {
            let groups = self.conditions.get(condition);
            let groups = groups.map_or(0, |condition| condition.pattern().groups());
            check_group(token, group, groups)?;
            return Ok(Some(Part::Capture { condition, group }));
        }
        if !named.is_empty() {
            return Err(InvalidTemplate::Negated(clip(token)));
        }
        let mut written = self.conditions.iter().map(Condition::written);
        if let Some(other) = written.find(|written| written.eq_ignore_ascii_case(variable)) {
            return Err(InvalidTemplate::Case {
                token: clip(token),
                written: other.to_owned(),
            });
        }
        match (Source::parse(variable), Source::parse(token)) {
            (_, Ok(Source::Cookie(_))) | (Err(_), _) => Ok(None),
            (Ok(_), _) => Err(InvalidTemplate::NoCondition(clip(token))),
        }
    }

    fn matcher_capture(&self, token: &str, suffix: &str) -> Result<Part, InvalidTemplate> {
        let matcher = self
            .matcher
            .ok_or_else(|| InvalidTemplate::NoMatcher(clip(token)))?;
        if suffix.is_empty() {
            return Ok(Part::MatcherCapture(0));
        }
        let Some(("", group)) = split_group(suffix) else {
            let error = InvalidSource::Prefix(clip(token));
            let token = clip(token);
            return Err(InvalidTemplate::Source { token, error });
        };
        if matcher.negate {
            return Err(InvalidTemplate::Negated(clip(token)));
        }
        check_group(token, group, matcher.pattern.groups())?;
        Ok(Part::MatcherCapture(group))
    }
}

/// Groups are numbered from 1 on; the whole value is the token without a number.
fn check_group(token: &str, group: usize, groups: usize) -> Result<(), InvalidTemplate> {
    if (1..=groups).contains(&group) {
        return Ok(());
    }
    Err(InvalidTemplate::NoGroup {
        token: clip(token),
        group,
        groups,
    })
}

/// `uri_path_12` as `uri_path` and 12.
fn split_group(token: &str) -> Option<(&str, usize)> {
    let (variable, digits) = token.rsplit_once('_')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| digits.parse().unwrap_or(usize::MAX))?;
    Some((variable, number))
}

fn clip(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests;
