//! Bodies of workers.

use model::ViolationCode as Code;
use serde_json::Value;
use time::Duration;

use crate::violations::{Findings, Violations};
use crate::wire;
use crate::worker_identity::Scopes;

/// Reads what a worker may see.
///
/// # Errors
/// Every violation, with targets.
pub fn worker(body: &Value) -> Result<Scopes, Violations> {
    let mut findings = Findings::default();
    let members = wire::worker(body, &mut findings);
    let scopes = members.get("properties").and_then(|it| it.get("scopes"));
    let scopes = scopes.and_then(Value::as_array).into_iter().flatten();
    let scopes: Vec<String> = scopes
        .filter_map(|scope| scope.as_str().map(str::to_owned))
        .collect();
    match Scopes::parse(&scopes) {
        Ok(scopes) => findings.finish().map(|()| scopes),
        Err(error) => {
            let message = format!("Property scopes is invalid: {error}.");
            findings.add(Code::InvalidPropertyValue, "properties.scopes", message);
            Err(findings.into_violations())
        }
    }
}

/// Reads how long a join token shall be good; an hour where the body does not say.
///
/// # Errors
/// Every violation, with targets.
pub fn join_token(body: &Value) -> Result<Duration, Violations> {
    let mut findings = Findings::default();
    let members = wire::create_join_token(body, &mut findings);
    let text = members.get("properties").and_then(|it| it.get("validFor"));
    let valid_for = match text.and_then(Value::as_str) {
        None => Some(Duration::HOUR),
        Some(text) => duration(text),
    };
    if valid_for.is_none() {
        let message = "Property validFor must be a duration such as PT1H or PT30M, up to PT24H.";
        findings.add(Code::InvalidPropertyValue, "properties.validFor", message);
    }
    findings.finish()?;
    Ok(valid_for.unwrap_or(Duration::HOUR))
}

/// `PT` with hours, minutes and seconds (ISO 8601): a second to a day.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix("PT")?;
    let mut total = Duration::ZERO;
    for (unit, one) in [
        ('H', Duration::HOUR),
        ('M', Duration::MINUTE),
        ('S', Duration::SECOND),
    ] {
        if let Some((count, after)) = rest.split_once(unit) {
            total += one * i32::from(count.parse::<u16>().ok()?);
            rest = after;
        }
    }
    let fits = (Duration::SECOND..=Duration::DAY).contains(&total);
    (rest.is_empty() && fits).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_a_second_to_a_day() {
        for (text, expected) in [
            ("PT1H", Some(3600)),
            ("PT1H30M5S", Some(5405)),
            ("PT24H", Some(86_400)),
            ("PT0S", None),
            ("PT25H", None),
            ("PT", None),
            ("1h", None),
            ("PT5M1H", None),
            ("PT-1H", None),
        ] {
            let seconds = duration(text).map(Duration::whole_seconds);
            assert_eq!(seconds, expected, "{text}");
        }
    }
}
