//! The record of an advertiser as it lies in Secrets Manager, where people can edit it.

use std::time::Duration;

use connections::{Accepted, Record, Refusal, Source, UserId};
use ids::{AccountId, TokenFingerprint};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::assert_tells_nothing;

/// 26 November 2026.
const NOW_MS: i64 = 1_795_651_200_000;

/// Any text: what is read is written and read alike, has every connection of the text, and takes all that can happen to it. What cannot be
/// read is an error, never an empty record.
pub fn record(text: &[u8]) {
    let Ok(text) = str::from_utf8(text) else { return };
    let record = match Record::from_json(text) {
        Ok(record) => record,
        Err(error) => return assert_tells_nothing(&error),
    };
    // A number that only a field has that is not read may be too large for a `Value`.
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let written = value.get("connections").and_then(Value::as_object).expect("a record has connections");
        assert_eq!(record.connections().count(), written.len());
    }
    assert_is_consistent(&record);
    for (account, _) in record.connections() {
        go_on(record.clone(), account);
    }
}

/// What holds for every record.
pub(crate) fn assert_is_consistent(record: &Record) {
    for (_, connection) in record.connections() {
        let replaced = &connection.replaced;
        assert_eq!(connection.fingerprint, TokenFingerprint::of(connection.token.expose_secret()));
        assert!(replaced.len() <= 8 && !replaced.contains(&connection.fingerprint));
        assert!((1..replaced.len()).all(|n| !replaced[..n].contains(&replaced[n])));
    }
    let text = record.to_json().expect("every record can be written");
    let again = Record::from_json(&text).expect("what was written is read");
    assert_eq!(&again, record);
    assert_eq!(again.to_json().expect("every record can be written"), text);
}

/// Whatever numbers a person typed, the connection can be refused, given up, healed and replaced.
fn go_on(mut record: Record, account: AccountId) {
    let connection = record.get(account).expect("one of the record");
    let (fingerprint, user) = (connection.fingerprint, connection.user.clone());
    record.revive(account, fingerprint, NOW_MS);
    for now_ms in [NOW_MS, NOW_MS + 1_000] {
        let refusal = Refusal { fingerprint, code: Some(40105), first_ms: now_ms };
        record.refuse(account, &refusal, now_ms, Duration::from_secs(1), false);
    }
    record.note_created(account, "7".parse().expect("an id"), NOW_MS);
    record.note_deleted(account, "7".parse().expect("an id"), NOW_MS);
    record.use_in_week(account, NOW_MS);
    let accepted = Accepted { token: SecretString::from("the next one"), user };
    record.replace_refused(account, fingerprint, &accepted, NOW_MS);
    assert_is_consistent(&record);
    record.accept(account, &Accepted { user: UserId::new("8"), ..accepted }, Source::Connect, NOW_MS);
    let is_active = record.get(account).is_some_and(|connection| connection.state.is_active());
    assert!(is_active, "TikTok accepted a token for it");
    assert_is_consistent(&record);
}
