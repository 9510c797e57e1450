//! Wipes documents that may hold secrets.

use serde_json::Value;
use zeroize::Zeroize;

/// Overwrites all texts; the names of properties stay.
pub(crate) fn wipe(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::String(text) => text.zeroize(),
        Value::Bool(_) | Value::Null | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_text_is_left() {
        let mut body = json!({"a": [{"data": "key", "n": 7}, "text"], "b": null, "c": "password"});
        wipe(&mut body);
        assert_eq!(
            body,
            json!({"a": [{"data": "", "n": 7}, ""], "b": null, "c": ""})
        );
    }
}
