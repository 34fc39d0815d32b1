//! Any bytes: the parser must not panic, and a fault must be one that can be told.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match firehose::parse(body) {
        Ok(message) => assert_eq!(message.id.len(), 36),
        Err(fault) => assert!(fault.to_string().len() < 500 && fault.at().is_none_or(|at| at.len() < 200)),
    }
});
