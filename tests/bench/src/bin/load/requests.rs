//! Ingest: Firehose messages to the real binary, one after the other, as Lambda gives them to a process, with an SQS that answers at once.

use anyhow::{Context, Result, bail, ensure};
use axum::body::Bytes;
use bench::firehose::{IDS, Transport, event};
use bench::lambda::{Lambda, Setup};
use bench::table::{Table, count, figure, line};
use serde_json::Value;

use crate::percentiles::Times;

/// What is sent: users of a message, how many of a hundred messages have so many, and how many events are made, each of its own advertiser.
const MIX: [(u32, usize, u32); 3] = [(1, 90, 500), (100, 9, 50), (1_000, 1, 10)];
/// Where memory is looked at, in hundredths of all messages.
const LOOKS: [usize; 6] = [1, 10, 25, 50, 75, 100];
/// Memory is flat if it grows by no more than this after the second look. Of 50,000 messages, a hundred bytes kept of each would be more.
const GROWS_MB: f64 = 4.0;
/// The first messages open connections and read secrets: their times do not count.
const FIRST: usize = 100;
/// Messages to a function that does nothing.
const BARE: usize = 10_000;

/// Messages of one size, by one transport.
struct Kind {
    users: u32,
    transport: Transport,
    events: Vec<Bytes>,
    sent: usize,
    times: Times,
}

/// What was seen while messages were sent.
#[derive(Default)]
struct Seen {
    /// Memory in MB, after so many messages.
    looks: Vec<(usize, f64)>,
    /// Rows that are missing on the queue, or too many.
    wrong_rows: u64,
}

/// Sends so many messages, and prints what came of it. Gives back the faults.
pub(crate) async fn load(requests: usize) -> Result<Vec<String>> {
    let sent = count(requests as u64);
    line(&format!("ingest: {sent} messages to one process, one at a time"));
    let bare = bare().await?;
    let mut kinds: Vec<_> =
        MIX.iter().flat_map(|mix| [Transport::Direct, Transport::Http].map(|by| kind(*mix, by))).collect();
    let mut ingest = Lambda::start(&Setup::of("ingest")).await?;
    let seen = send(&mut ingest, &mut kinds, requests).await?;
    let process = ingest.process()?;
    let cpu_ms = process.cpu()?.as_secs_f64() * 1_000.0 / f64::from(u32::try_from(requests)?);
    print(&mut kinds, bare);
    let look = |(number, mb): &(usize, f64)| format!("{} MB after {}", figure(*mb), count(*number as u64));
    let looks = seen.looks.iter().map(look).collect::<Vec<_>>().join(", ");
    line(&format!("  CPU {} ms a message over this mix", figure(cpu_ms)));
    line(&format!("  memory {looks} messages; {} MB at its peak", figure(process.peak_memory_mb()?)));
    line("");
    seen.faults()
}

async fn send(ingest: &mut Lambda, kinds: &mut [Kind], requests: usize) -> Result<Seen> {
    let mut seen = Seen::default();
    for number in 0..requests {
        let kind = &mut kinds[place(number)];
        let event = &kind.events[kind.sent % kind.events.len()];
        kind.sent += 1;
        let (time, answer) = ingest.invoke(event).await?;
        ensure_success(kind.transport, &answer)?;
        let rows = ingest.queue().take_sent_rows()?;
        seen.wrong_rows += (u64::from(kind.users) * IDS).abs_diff(rows);
        if number >= FIRST {
            kind.times.add(time);
        }
        if LOOKS.iter().any(|look| requests * look / 100 == number + 1) {
            seen.looks.push((number + 1, ingest.process()?.memory_mb()?));
        }
    }
    Ok(seen)
}

/// Over HTTP a refusal is an answer too; a direct invocation has failed then.
fn ensure_success(transport: Transport, answer: &[u8]) -> Result<()> {
    if transport == Transport::Http {
        let answer: Value = serde_json::from_slice(answer).context("the answer is not the HTTP API's")?;
        ensure!(answer.get("statusCode") == Some(&Value::from(200)), "ingest answers {answer}");
    }
    Ok(())
}

impl Seen {
    fn faults(&self) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        if self.wrong_rows > 0 {
            let rows = count(self.wrong_rows);
            faults.push(format!(
                "ingest: {rows} rows are missing on the queue, or too many, although it answered with success"
            ));
        }
        let [_, (_, early), .., (_, last)] = self.looks[..] else { bail!("memory was not looked at") };
        if last - early > GROWS_MB {
            faults.push(format!("ingest: memory grew from {early:.1} to {last:.1} MB, by more than {GROWS_MB} MB"));
        }
        Ok(faults)
    }
}

/// The kind of the message with this number: sizes by the mix, and each size by both transports in turn.
fn place(number: usize) -> usize {
    let (round, of_hundred) = (number / 100, number % 100);
    let mut below = 0;
    let size = MIX.iter().position(|(_, share, _)| {
        below += share;
        of_hundred < below
    });
    size.unwrap_or_default() * 2 + (round + of_hundred) % 2
}

fn kind((users, _, advertisers): (u32, usize, u32), transport: Transport) -> Kind {
    let events = (0..advertisers).map(|number| event(transport, users, number)).collect();
    Kind { users, transport, events, sent: 0, times: Times::default() }
}

/// What the stub and Lambda's runtime take of each message, by a function that does nothing.
async fn bare() -> Result<Times> {
    let mut times = Times::default();
    let mut bare = Lambda::start(&Setup::of("bare")).await?;
    let event = event(Transport::Direct, 1, 0);
    for _ in 0..BARE {
        let (time, answer) = bare.invoke(&event).await?;
        ensure!(answer.as_ref() == b"null", "the bare function answers something");
        times.add(time);
    }
    Ok(times)
}

fn print(kinds: &mut [Kind], mut bare: Times) {
    let mut table = Table::new(["users a message", "by", "messages", "a second", "p50 ms", "p99 ms", "p99.9 ms"]);
    let mut row = |what: String, by: &str, times: &mut Times| {
        let [p50, p99, p999] = [500, 990, 999].map(|of_thousand| figure(times.permille(of_thousand)));
        table.row([what, by.to_owned(), count(times.count()), figure(times.a_second()), p50, p99, p999]);
    };
    for kind in kinds {
        row(count(kind.users), kind.transport.name(), &mut kind.times);
    }
    row("a function that does nothing".to_owned(), "direct", &mut bare);
    table.print();
    line(&format!(
        "  The last row is what the stub and Lambda's runtime take of every other one. The first {FIRST} messages are not in the table."
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_as_often_as_the_mix_says() {
        let mut counts = [0; 6];
        (0..2_000).for_each(|number| counts[place(number)] += 1);
        assert_eq!(counts, [900, 900, 90, 90, 10, 10]);
    }
}
