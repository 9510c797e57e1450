//! `$filter` of the activity log: conditions joined by `and`.

use model::SubscriptionId;
use time::OffsetDateTime;

use super::{super::error::ApiError, time};

/// What all shown events have.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) from: Option<OffsetDateTime>,
    pub(super) until: Option<OffsetDateTime>,
    pub(super) correlation_id: Option<String>,
    pub(super) caller: Option<String>,
    pub(super) succeeded: Option<bool>,
    group: Option<String>,
    resource: Option<String>,
}

impl Filter {
    /// # Errors
    /// 400 for a condition that is not known.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut filter = Self::default();
        let lower = text.to_ascii_lowercase();
        let mut rest = text;
        let mut rest_lower = lower.as_str();
        while !rest.trim().is_empty() {
            let end = rest_lower.find(" and ").unwrap_or(rest.len());
            let condition = rest.get(..end).unwrap_or_default().trim();
            filter.add(condition).ok_or_else(|| unknown(condition))?;
            let next = (end + " and ".len()).min(rest.len());
            rest = rest.get(next..).unwrap_or_default();
            rest_lower = rest_lower.get(next..).unwrap_or_default();
        }
        Ok(filter)
    }

    /// The resource below which the events lie; `None`: wherever.
    ///
    /// # Errors
    /// 400 for a group without its subscription.
    pub(super) fn below(
        &self,
        subscription: Option<&SubscriptionId>,
    ) -> Result<Option<String>, ApiError> {
        match (&self.resource, &self.group, subscription) {
            (Some(resource), _, _) => Ok(Some(resource.clone())),
            (None, None, _) => Ok(None),
            (None, Some(group), Some(subscription)) => Ok(Some(format!(
                "/subscriptions/{subscription}/resourceGroups/{group}"
            ))),
            (None, Some(_), None) => {
                let message = "resourceGroupName needs the subscription in the path.";
                Err(ApiError::bad_request("UnsupportedQuery", message).target("$filter"))
            }
        }
    }

    fn add(&mut self, condition: &str) -> Option<()> {
        let mut words = condition.splitn(3, ' ');
        let (name, operator) = (words.next()?, words.next()?);
        let sent = words.next()?.trim();
        let quoted = sent
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix('\''));
        let (name, operator) = (name.to_ascii_lowercase(), operator.to_ascii_lowercase());
        // az puts no quotes around times.
        let value = match quoted {
            None if name == "eventtimestamp" => sent,
            quoted => quoted?,
        };
        if value.contains('\'') || value.contains('\0') {
            return None;
        }
        match (name.as_str(), operator.as_str()) {
            ("eventtimestamp", "ge") => self.from = Some(time(value)?),
            ("eventtimestamp", "le") => self.until = Some(time(value)?),
            ("correlationid", "eq") => self.correlation_id = Some(value.to_owned()),
            ("resourcegroupname", "eq") => self.group = Some(value.to_owned()),
            ("resourceid" | "resourceuri", "eq") => self.resource = Some(value.to_owned()),
            ("caller", "eq") => self.caller = Some(value.to_owned()),
            ("status", "eq") => self.succeeded = Some(status(value)?),
            // All events are of this channel.
            ("eventchannels", "eq") if value.contains("Operation") => {}
            _ => return None,
        }
        Some(())
    }
}

/// Whether the status of the shown events says that it was done.
fn status(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "succeeded" => Some(true),
        "failed" => Some(false),
        _ => None,
    }
}

fn unknown(condition: &str) -> ApiError {
    let shown: String = condition.chars().take(80).collect();
    let message = format!(
        "The condition '{shown}' is not supported. Known are eventTimestamp ge|le '...', resourceGroupName, \
         resourceId, resourceUri, correlationId and caller eq '...', and status eq 'Succeeded' or 'Failed'."
    );
    ApiError::bad_request("UnsupportedQuery", message).target("$filter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_as_az_writes_them_are_read() {
        let text = "eventTimestamp ge '2026-11-27T00:00:00Z' and eventTimestamp le '2026-11-28T00:00:00.5' AND \
                    resourceGroupName eq 'rg' and correlationId eq 'c' and eventChannels eq 'Admin, Operation'";
        let filter = Filter::parse(text).unwrap();
        assert!(filter.from.is_some() && filter.until.is_some());
        assert_eq!(filter.group.as_deref(), Some("rg"));
        assert_eq!(filter.correlation_id.as_deref(), Some("c"));
        assert!(filter.below(None).is_err());
        assert_eq!(Filter::parse("").unwrap(), Filter::default());
        let text = "eventTimestamp ge 2026-11-27T21:59:42.449853 and eventTimestamp le 2026-11-28 and caller eq 'a b' \
                    and status eq 'failed'";
        let filter = Filter::parse(text).unwrap();
        assert!(filter.from.is_some() && filter.until.is_some());
        assert_eq!(filter.caller.as_deref(), Some("a b"));
        assert_eq!(filter.succeeded, Some(false));
    }

    #[test]
    fn unknown_conditions_are_refused() {
        for bad in [
            "caller ne 'x'",
            "caller eq x",
            "status eq 'Accepted'",
            "eventTimestamp ge 'yesterday'",
            "resourceId eq x",
            "resourceId",
            "resourceId eq 'a'' or 1 eq '1'",
        ] {
            let refused = Filter::parse(bad).unwrap_err();
            assert_eq!(refused.code(), "UnsupportedQuery", "{bad}");
        }
    }
}
