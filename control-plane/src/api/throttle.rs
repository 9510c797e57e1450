//! How much one principal may ask for, so that a runaway script of one does not starve the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderValue, StatusCode, header};
use time::OffsetDateTime;

use super::error::ApiError;
use crate::principal::Principal;

/// The budgets of all principals that asked lately. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Throttle(Arc<Mutex<HashMap<(String, String), Budget>>>);

#[derive(Debug, Clone, Copy)]
struct Budget {
    left: f64,
    at: OffsetDateTime,
    running: usize,
}

/// A request under way; dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    throttle: Throttle,
    key: (String, String),
}

impl Throttle {
    /// Takes a request of `principal` out of its budget.
    ///
    /// # Errors
    /// 429 with `Retry-After`.
    pub(super) fn enter(
        &self,
        principal: &Principal,
        now: OffsetDateTime,
    ) -> Result<Running, ApiError> {
        let key = (principal.issuer.clone(), principal.id.clone());
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if budgets.len() >= MANY {
            budgets.retain(|_, budget| budget.running > 0 || budget.refilled(now) < BURST);
        }
        let budget = budgets.entry(key.clone()).or_insert(Budget {
            left: BURST,
            at: now,
            running: 0,
        });
        budget.left = budget.refilled(now);
        budget.at = now;
        if budget.left < 1.0 || budget.running >= CONCURRENT {
            return Err(too_many());
        }
        budget.left -= 1.0;
        budget.running += 1;
        Ok(Running {
            throttle: self.clone(),
            key,
        })
    }
}

impl Budget {
    fn refilled(&self, now: OffsetDateTime) -> f64 {
        let elapsed = (now - self.at).as_seconds_f64().max(0.0);
        (self.left + elapsed * PER_SECOND).min(BURST)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut budgets = self
            .throttle
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = budgets.get_mut(&self.key) {
            budget.running = budget.running.saturating_sub(1);
        }
    }
}

fn too_many() -> ApiError {
    let message = "Too many requests of this principal. Try again later.";
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
        .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}

/// Terraform with its default of ten at a time stays far below all of this.
const PER_SECOND: f64 = 200.0;
const BURST: f64 = 1000.0;
const CONCURRENT: usize = 256;
const MANY: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(id: &str) -> Principal {
        Principal {
            id: id.to_owned(),
            ..Principal::control_plane()
        }
    }

    #[test]
    fn one_principal_cannot_take_everything() {
        let (throttle, now) = (Throttle::default(), OffsetDateTime::UNIX_EPOCH);
        let greedy = principal("greedy");
        let running: Vec<_> = (0..CONCURRENT)
            .map(|_| throttle.enter(&greedy, now).unwrap())
            .collect();
        assert_eq!(
            throttle.enter(&greedy, now).unwrap_err().status().as_u16(),
            429
        );
        assert!(throttle.enter(&principal("other"), now).is_ok());
        drop(running);
        let served = (0..2000)
            .filter(|_| throttle.enter(&greedy, now).is_ok())
            .count();
        assert_eq!(served, 1000 - CONCURRENT);
        let later = now + time::Duration::seconds(1);
        let served = (0..2000)
            .filter(|_| throttle.enter(&greedy, later).is_ok())
            .count();
        assert_eq!(served, 200);
    }
}
