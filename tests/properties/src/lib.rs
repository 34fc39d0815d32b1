//! What holds for any bytes, for each parser of what comes from outside: asked by the fuzzer, and in `make test` of the fuzzer's corpora.
//!
//! Each function takes the bytes as they come and panics where a property does not hold.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "to panic is how it tells")]

mod answers;
mod callback;
mod envelope;
mod firehose;
mod record;
mod record_life;

pub use self::answers::answers;
pub use self::callback::callback;
pub use self::envelope::envelope;
pub use self::firehose::firehose;
pub use self::record::record;
pub use self::record_life::record_life;

/// Stands for a token, a secret or an id in the seeds, the dictionary of the fuzzer and the calls: no error may repeat it.
pub const SECRET: &str = "never-to-be-told";

/// An error says what is wrong in few words, and repeats nothing secret.
fn assert_tells_nothing(error: &impl std::fmt::Display) {
    let told = error.to_string();
    assert!(told.len() < 500, "{} bytes: {told}", told.len());
    assert!(!told.contains(SECRET), "{told}");
}
