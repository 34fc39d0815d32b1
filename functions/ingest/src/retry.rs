//! Which failed calls to TikTok are made again: throttled ones for as long as the request has time, other passing failures three times.

use std::ops::Range;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tiktok::{Failure, Passing};
use tokio::time::sleep;

/// The pause after a throttled call. Random, so that those who were throttled in the same second do not meet again.
const THROTTLED: Range<Duration> = Duration::from_millis(800)..Duration::from_millis(2_400);

/// The answer of `call`, which is made again while that may help. The caller bounds the time.
pub(crate) async fn retried<T, F: Future<Output = Result<T, Failure>>>(
    mut call: impl FnMut() -> F,
) -> Result<T, Failure> {
    let mut pauses = pauses();
    loop {
        let failure = match call().await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        match pause(&failure, &mut pauses) {
            Some(pause) => sleep(pause).await,
            None => return Err(failure),
        }
    }
}

/// The pauses between the calls of one request that fail for another reason than throttling.
pub(crate) fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default().with_min_delay(Duration::from_millis(400)).with_max_times(3).with_jitter().build()
}

/// How long to wait before the call is made again; `None` if it is not.
pub(crate) fn pause(failure: &Failure, pauses: &mut impl Iterator<Item = Duration>) -> Option<Duration> {
    match failure.meaning.passing()? {
        Passing::Throttled => Some(rand::random_range(THROTTLED)),
        Passing::Trouble => pauses.next(),
    }
}
