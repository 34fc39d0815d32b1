//! Ingest: Firehose messages to the real binary, one after the other, as Lambda gives them to a process, with an SQS that answers at once.

use anyhow::{Result, ensure};
use axum::body::Bytes;
use bench::firehose::{IDS, Transport, event};
use bench::lambda::{Lambda, Setup};
use bench::table::{Table, figure, line, ratio};

use crate::percentiles::Times;

/// What is sent: users of a message, how many of a hundred messages have so many, and how many different ones there are.
const MIX: [(u32, usize, u32); 3] = [(1, 90, 500), (100, 9, 50), (1_000, 1, 10)];
/// Where memory is looked at, in hundredths of all messages.
const LOOKS: [usize; 6] = [1, 10, 25, 50, 75, 100];
/// Memory is flat if it grows by no more than this after the second look.
const GROWS_MB: f64 = 4.0;
/// Messages to a function that does nothing.
const BARE: usize = 10_000;

/// Messages of one size that come in one way.
struct Kind {
    users: u32,
    transport: Transport,
    events: Vec<Bytes>,
    times: Times,
}

/// What was seen while messages were sent.
#[derive(Default)]
struct Seen {
    /// Memory in MB, after so many messages.
    looks: Vec<(usize, f64)>,
    /// Ids that are not on the queue, or there twice.
    lost: u64,
}

/// Sends so many messages, and prints what came of it. Gives back what should not be.
pub(crate) async fn load(requests: usize) -> Result<Vec<String>> {
    let bare = bare().await?;
    let mut kinds: Vec<_> =
        MIX.iter().flat_map(|mix| [Transport::Direct, Transport::Http].map(|by| kind(*mix, by))).collect();
    let mut ingest = Lambda::start(&Setup::of("ingest")).await?;
    let seen = send(&mut ingest, &mut kinds, requests).await?;
    let (process, sent) = (ingest.process()?, ratio(requests as u64, 1));
    let cpu_ms = process.cpu()?.as_secs_f64() * 1_000.0 / sent;
    line(&format!("ingest: {} messages to one process, one at a time", figure(sent)));
    print(&mut kinds, bare);
    let peak = figure(process.peak_memory_mb()?);
    line(&format!("  CPU of the process {} ms a message over this mix; its peak of memory {peak} MB", figure(cpu_ms)));
    let look = |(number, mb): &(usize, f64)| format!("{} MB after {}", figure(*mb), figure(ratio(*number as u64, 1)));
    line(&format!("  memory: {}", seen.looks.iter().map(look).collect::<Vec<_>>().join(", ")));
    line("");
    Ok(seen.faults())
}

async fn send(ingest: &mut Lambda, kinds: &mut [Kind], requests: usize) -> Result<Seen> {
    let mut seen = Seen::default();
    for number in 0..requests {
        let Some(kind) = kinds.get_mut(place(number)) else { continue };
        let Some(event) = kind.events.get(number / 2 % kind.events.len()) else { continue };
        let (time, _) = ingest.invoke(event).await?;
        let rows = ingest.queue().take_sent_rows()?;
        seen.lost += (u64::from(kind.users) * IDS).abs_diff(rows);
        // The first ones open connections and read secrets.
        if number >= 100 {
            kind.times.add(time);
        }
        if LOOKS.iter().any(|look| requests * look / 100 == number + 1) {
            seen.looks.push((number + 1, ingest.process()?.memory_mb()?));
        }
    }
    Ok(seen)
}

impl Seen {
    /// What the product promises and did not keep.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.lost > 0 {
            let lost = self.lost;
            faults.push(format!(
                "ingest: {lost} ids of what it answered with success are not on the queue, or there twice"
            ));
        }
        if let (Some((_, early)), Some((_, last))) = (self.looks.get(1), self.looks.last())
            && last - early > GROWS_MB
        {
            faults
                .push(format!("ingest: memory grew from {early:.1} to {last:.1} MB; {GROWS_MB} MB more would be flat"));
        }
        faults
    }
}

/// Which kind the message with this number is: sizes by the mix, and each size in both ways in turn.
fn place(number: usize) -> usize {
    let (round, of_hundred) = (number / 100, number % 100);
    let mut below = 0;
    let size = MIX.iter().position(|(_, share, _)| {
        below += share;
        of_hundred < below
    });
    size.unwrap_or_default() * 2 + (round + of_hundred) % 2
}

fn kind((users, _, different): (u32, usize, u32), transport: Transport) -> Kind {
    let events = (0..different).map(|advertiser| event(transport, users, advertiser)).collect();
    Kind { users, transport, events, times: Times::default() }
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
        let [half, most, nearly_all] = [500, 990, 999].map(|of_thousand| figure(times.below(of_thousand)));
        let count = figure(ratio(times.len() as u64, 1));
        table.row([what, by.to_owned(), count, figure(times.a_second()), half, most, nearly_all]);
    };
    for kind in kinds {
        row(figure(f64::from(kind.users)), kind.transport.name(), &mut kind.times);
    }
    row("a function that does nothing".to_owned(), "direct", &mut bare);
    table.print();
    line("  The last row is the stub's and the runtime's part of every other one.");
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
