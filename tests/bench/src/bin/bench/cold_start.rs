//! Cold starts, and memory after one event: each function is started again and again, in turn with one that does nothing.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use axum::body::Bytes;
use bench::firehose::{Transport, event};
use bench::lambda::{Lambda, Setup};
use bench::table::Table;

use crate::{BARE, FUNCTIONS, compared};

/// Starts of each function. Odd, so that the median is one of them.
pub(crate) const STARTS: usize = 61;
/// The most milliseconds more than the bare function.
const START_AIM: f64 = 2.0;
/// The most MB after an event.
const MEMORY_AIM: f64 = 20.0;

/// Starts all functions in turn, so that what else the machine does concerns them alike.
pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let mut times = BTreeMap::<&str, Vec<f64>>::new();
    let mut memory = BTreeMap::<&str, Vec<f64>>::new();
    for _ in 0..STARTS {
        for name in FUNCTIONS.into_iter().chain([BARE]) {
            let mut function = Lambda::start(&Setup::of(name)).await?;
            let time = function.first_poll().await?;
            times.entry(name).or_default().push(time.as_secs_f64() * 1_000.0);
            function.invoke(&first_event(name)).await?;
            memory.entry(name).or_default().push(function.process()?.memory_mb()?);
        }
    }
    let bare = median(times.get_mut(BARE))?;
    table.row([format!("cold start, {BARE}"), format!("{bare:.2} ms"), String::new(), String::new()]);
    for name in FUNCTIONS {
        let more = median(times.get_mut(name))? - bare;
        compared(table, format!("cold start, {name}: more than {BARE}"), more, "ms", START_AIM);
    }
    let bare = median(memory.get_mut(BARE))?;
    table.row([format!("memory after an event, {BARE}"), format!("{bare:.2} MB"), String::new(), String::new()]);
    for name in FUNCTIONS {
        compared(table, format!("memory after an event, {name}"), median(memory.get_mut(name))?, "MB", MEMORY_AIM);
    }
    Ok(())
}

/// What each function handles before its memory is looked at: a request without a code, a message of 100 users, an empty batch.
fn first_event(name: &str) -> Bytes {
    match name {
        "auth-redirect" => Bytes::from_static(
            br#"{"version":"2.0","rawPath":"/v1/auth","rawQueryString":"","headers":{},"requestContext":{"http":{"method":"GET","path":"/v1/auth","sourceIp":"192.0.2.1"}},"isBase64Encoded":false}"#,
        ),
        "uploader" => Bytes::from_static(br#"{"Records":[]}"#),
        _ => event(Transport::Direct, 100, 0),
    }
}

fn median(figures: Option<&mut Vec<f64>>) -> Result<f64> {
    let figures = figures.context("nothing was measured")?;
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().context("nothing was measured")
}
