//! `dead-letters redrive` and `delete`. `redrive` decides; this takes the letters, sends, and deletes, in this order: whenever it is
//! interrupted, nothing is lost, and what is sent twice says the same twice.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use connections::Record;
use ids::AdvertiserId;
use queue::{Outgoing, Queue, QueueError, Received};
use secrets::Secrets;
use serde::Serialize;
use startup::clock::now_ms;
use tokio::time::Instant;

use crate::arguments::Filter;
use crate::cloud::Cloud;
use crate::confirm::confirm;
use crate::dead_letters;
use crate::error::Error;
use crate::letter::Letter;
use crate::letterbox::Letterbox;
use crate::output::{Report, count, grouped};
use crate::redrive::{Redrive, Stays, Terms, question, redrive as decide};

/// Letters in memory at a time, in bytes of their bodies.
const ROUND_BYTES: usize = 64 * 1024 * 1024;
/// Letters that are sent again together.
const TOGETHER: usize = 50;
/// How long sending some letters is tried again.
const SEND_TIME: Duration = Duration::from_secs(30);

/// What came of sending letters again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Resent {
    /// Letters that are gone from the dead-letter queue.
    letters: u64,
    /// Changes sent again that take people out.
    deletes: u64,
    /// Changes sent again that put people in.
    adds: u64,
    /// Changes that put people in, which stay for want of `--adds`.
    adds_kept: u64,
    /// Letters that cannot be read.
    unreadable: u64,
    /// Letters of customers that were forgotten since, deleted.
    forgotten: u64,
    /// Letters that could not be sent or deleted, with the last reason.
    failed: u64,
    reason: Option<String>,
}

/// `dead-letters redrive`.
pub(crate) async fn redrive(cloud: &Cloud, filter: &Filter, adds: bool, yes: bool) -> Result<Report, Error> {
    let found = dead_letters::all(&cloud.dead_letters, filter).await?;
    if let Some(question) = question(&found, adds, now_ms()) {
        confirm(&question, yes)?;
    }
    let terms = Terms { lanes: cloud.stack.lanes, max_bytes: cloud.stack.envelope_max_bytes, adds, now_ms: now_ms() };
    let run = Run {
        changes: &cloud.changes,
        dead_letters: &cloud.dead_letters,
        secrets: &cloud.secrets,
        terms,
        records: HashMap::new(),
        written: HashSet::new(),
        resent: Resent::default(),
    };
    Ok(told(&resend(run, filter).await?))
}

/// Sends all letters again that fit.
async fn resend(mut run: Run<'_>, filter: &Filter) -> Result<Resent, Error> {
    let mut letterbox = Letterbox::open(run.dead_letters).await?;
    loop {
        let round = run.round(&mut letterbox, filter).await?;
        if round.is_empty() {
            break;
        }
        for some in round.chunks(TOGETHER) {
            run.send(&mut letterbox, some).await?;
            letterbox.say(&format!("{} sent again", count(run.resent.letters, "letter")));
        }
    }
    letterbox.close().await;
    Ok(run.resent)
}

struct Run<'a> {
    changes: &'a Queue,
    dead_letters: &'a Queue,
    secrets: &'a Secrets,
    terms: Terms,
    records: HashMap<AdvertiserId, Option<Arc<Record>>>,
    /// Ids of the letters that this run wrote itself.
    written: HashSet<String>,
    resent: Resent,
}

impl Run<'_> {
    /// The next letters that fit, the oldest changes first: of two that contradict each other the newer must be sent last.
    async fn round(&self, letterbox: &mut Letterbox<'_>, filter: &Filter) -> Result<Vec<(Letter, Received)>, Error> {
        let (mut round, mut bytes) = (Vec::new(), 0);
        while bytes < ROUND_BYTES {
            let received = letterbox.next().await?;
            if received.is_empty() {
                break;
            }
            for one in received {
                let letter = Letter::of(&one);
                if letter.fits(filter) && !self.written.contains(&letter.id) {
                    bytes += one.body.len();
                    round.push((letter, one));
                }
            }
        }
        round.sort_by_key(|(letter, _)| (letter.changed_ms, letter.given_up_ms));
        Ok(round)
    }

    /// Sends some letters again, writes what stays of them, and deletes those of which both succeeded.
    async fn send(&mut self, letterbox: &mut Letterbox<'_>, letters: &[(Letter, Received)]) -> Result<(), Error> {
        let mut steps = Vec::new();
        for (letter, received) in letters {
            let record = self.record(letter.advertiser).await?;
            let (changes, rest) = match decide(letter, received, record.as_deref(), self.terms) {
                Redrive::Send { changes, rest } => (changes, rest),
                Redrive::Forgotten => (Vec::new(), Vec::new()),
                Redrive::Stays(Stays::Unreadable) => {
                    self.resent.unreadable += 1;
                    continue;
                }
                Redrive::Stays(Stays::PutsIn) => {
                    self.resent.adds_kept += letter.adds;
                    continue;
                }
            };
            self.written.extend(rest.iter().map(|rest| rest.group.clone()));
            steps.push(Step { letter, received, changes, rest, failure: None });
        }
        send_all(self.changes, &mut steps, |step| &step.changes).await;
        send_all(self.dead_letters, &mut steps, |step| &step.rest).await;
        let sent: Vec<_> = steps.iter().filter(|step| step.failure.is_none()).collect();
        let received: Vec<_> = sent.iter().map(|step| step.received).collect();
        for (step, outcome) in sent.iter().zip(letterbox.delete(&received).await) {
            match outcome {
                Ok(()) => self.count(step),
                Err(error) => self.failed(&error),
            }
        }
        for failure in steps.iter().filter_map(|step| step.failure.as_ref()) {
            self.failed(failure);
        }
        match steps.iter().find_map(|step| step.failure.as_ref().filter(|failure| failure.is_passing())) {
            // What comes later must not overtake what could not be sent.
            Some(failure) => Err(Error::Unfinished(format!(
                "stopped, and can be started again: {failure}. {}",
                told(&self.resent).text
            ))),
            None => Ok(()),
        }
    }

    /// The record of an advertiser, read once.
    async fn record(&mut self, advertiser: Option<AdvertiserId>) -> Result<Option<Arc<Record>>, Error> {
        let Some(advertiser) = advertiser else { return Ok(None) };
        if let Some(known) = self.records.get(&advertiser) {
            return Ok(known.clone());
        }
        let found = self.secrets.record(advertiser).await?.record;
        self.records.insert(advertiser, found.clone());
        Ok(found)
    }

    fn count(&mut self, step: &Step<'_>) {
        if step.changes.is_empty() {
            self.resent.forgotten += 1;
            return;
        }
        let letter = step.letter;
        self.resent.letters += 1;
        self.resent.deletes += letter.deletes;
        let (sent, kept) = if self.terms.adds { (letter.adds, 0) } else { (0, letter.adds) };
        self.resent.adds += sent;
        self.resent.adds_kept += kept;
    }

    fn failed(&mut self, error: &QueueError) {
        self.resent.failed += 1;
        self.resent.reason = Some(error.to_string());
    }
}

/// A letter on its way.
struct Step<'a> {
    letter: &'a Letter,
    received: &'a Received,
    changes: Vec<Outgoing>,
    rest: Vec<Outgoing>,
    /// Why some of it was not sent.
    failure: Option<QueueError>,
}

/// Sends what `part` says of every step that has not failed, in order, and notes which failed.
async fn send_all(queue: &Queue, steps: &mut [Step<'_>], part: impl for<'s> Fn(&'s Step<'_>) -> &'s [Outgoing]) {
    let messages = |step: &Step<'_>| if step.failure.is_none() { part(step).to_vec() } else { Vec::new() };
    let parts: Vec<Vec<Outgoing>> = steps.iter().map(messages).collect();
    let mut outcomes = queue.send(&parts.concat(), Instant::now() + SEND_TIME).await.into_iter();
    for (step, part) in steps.iter_mut().zip(&parts) {
        for outcome in outcomes.by_ref().take(part.len()) {
            step.failure = step.failure.take().or(outcome.err());
        }
    }
}

fn told(resent: &Resent) -> Report {
    let Resent { letters, deletes, adds, adds_kept, unreadable, forgotten, failed, reason } = resent;
    let mut lines = vec![format!(
        "Sent again from {}: {} that take people out, {} that put people in.",
        count(*letters, "letter"),
        count(*deletes, "change"),
        grouped(*adds)
    )];
    if *adds_kept > 0 {
        lines.push(format!(
            "Kept: {} that put people in. With --adds they go too, and put back who left meanwhile.",
            count(*adds_kept, "change")
        ));
    }
    if *unreadable > 0 {
        lines.push(format!(
            "Left: {} that cannot be read; `dead-letters show` says what is known of each.",
            count(*unreadable, "letter")
        ));
    }
    if *forgotten > 0 {
        lines.push(format!("Deleted: {} of customers that were forgotten since.", count(*forgotten, "letter")));
    }
    if let Some(reason) = reason {
        lines.push(format!("Failed: {}, which stay: {reason}.", count(*failed, "letter")));
    }
    Report::new(lines.join("\n"), resent).unless(*failed > 0)
}

#[derive(Debug, Serialize)]
struct Deleted {
    deleted: u64,
}

/// `dead-letters delete`.
pub(crate) async fn delete(cloud: &Cloud, filter: &Filter, all: bool, yes: bool) -> Result<Report, Error> {
    if filter.is_empty() && !all {
        return Err(Error::NotConfirmed("say which letters: --id, --cause, --advertiser, --account, or --all"));
    }
    let found = dead_letters::all(&cloud.dead_letters, filter).await?;
    if !found.is_empty() {
        let changes = found.iter().map(|letter| letter.adds + letter.deletes).sum::<u64>();
        let question = format!("Delete {} with {} for good?", count(found.len(), "letter"), count(changes, "change"));
        confirm(&question, yes)?;
    }
    let deleted = delete_all(&cloud.dead_letters, filter).await?;
    Ok(Report::new(format!("Deleted: {}.", count(deleted, "letter")), &Deleted { deleted }))
}

/// Deletes the letters that fit, and says how many there were.
pub(crate) async fn delete_all(dead_letters: &Queue, filter: &Filter) -> Result<u64, Error> {
    let mut letterbox = Letterbox::open(dead_letters).await?;
    let mut deleted = 0;
    loop {
        let received = letterbox.next().await?;
        if received.is_empty() {
            break;
        }
        let fit: Vec<_> = received.iter().filter(|one| Letter::of(one).fits(filter)).collect();
        for outcome in letterbox.delete(&fit).await {
            outcome?;
            deleted += 1;
        }
    }
    letterbox.close().await;
    Ok(deleted)
}

#[cfg(test)]
mod tests;
