//! Calls TikTok again while that may help: what it throttles for as long as the request has time, other trouble a few times.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tiktok::{Answer, Failure, Passing};

/// The pause after a call that was throttled: others may be waiting for the same second, so each waits for another time.
const THROTTLED: std::ops::Range<Duration> = Duration::from_millis(800)..Duration::from_millis(2_400);

/// Calls until TikTok answers, or its answer is final, or it was in trouble four times. The caller bounds the time.
pub(crate) async fn patiently<T, F: Future<Output = Result<Answer<T>, Failure>>>(
    mut call: impl FnMut() -> F,
) -> Result<T, Failure> {
    let mut pauses = troubled();
    loop {
        let failure = match call().await {
            Ok(answer) => return Ok(answer.data),
            Err(failure) => failure,
        };
        match pause(&failure, &mut pauses) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(failure),
        }
    }
}

/// The pauses of a call that TikTok's trouble fails.
pub(crate) fn troubled() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default().with_min_delay(Duration::from_millis(400)).with_max_times(3).with_jitter().build()
}

/// How long to wait before the call is made again; `None` if it is not.
pub(crate) fn pause(failure: &Failure, troubled: &mut impl Iterator<Item = Duration>) -> Option<Duration> {
    match failure.meaning.passing()? {
        Passing::Throttled => Some(rand::random_range(THROTTLED)),
        Passing::Trouble => troubled.next(),
    }
}
