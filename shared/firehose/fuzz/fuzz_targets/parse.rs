//! Any bytes: the parser must not panic, a fault must be one that can be told, and users must stay within their bounds.

#![no_main]

use firehose::{Account, Profile, Users, parse, readable};
use libfuzzer_sys::fuzz_target;

struct Bounded;

impl Users for Bounded {
    fn begin(&mut self, _: &Account, _: Option<i64>) {}
    fn take(&mut self, user: &Profile<'_>) {
        assert!(user.device_ids.len() <= 100 && user.changes.len() <= 1_000);
    }
}

fuzz_target!(|body: &[u8]| {
    let Ok(text) = readable(body) else { return };
    match parse(&text, &mut Bounded) {
        Ok(message) => assert!(message.id.is_none_or(|id| id.len() == 36)),
        Err(fault) => assert!(fault.to_string().len() < 500 && fault.field().is_none_or(|field| field.len() < 200)),
    }
});
