//! Any bytes: the parser must not panic, a fault must be one that can be told, and reading profiles must end.

#![no_main]

use firehose::{Request, parse, readable};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(text) = readable(body) else { return };
    match parse(&text) {
        Ok(message) => {
            assert!(message.id.is_none_or(|id| id.len() == 36));
            if let Request::Membership(membership) = message.request {
                membership.profiles.read(|profile| assert!(profile.device_ids.len() <= 100 && profile.changes.len() <= 1_000));
            }
        }
        Err(fault) => assert!(fault.to_string().len() < 500 && fault.field().is_none_or(|field| field.len() < 200)),
    }
});
