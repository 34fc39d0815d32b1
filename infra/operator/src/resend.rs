//! `dead-letters redrive`. `redrive` decides; this takes the letters, sends, and deletes, in this order: whenever it is
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
use crate::dead_letters::{self, Found, refuse_several};
use crate::error::Error;
use crate::letter::Letter;
use crate::letterbox::{self, Letterbox, elsewhere_text};
use crate::output::{Report, count, grouped};
use crate::redrive::{Redrive, Stays, Terms, question, redrive as decide};

/// Letters in memory at a time, in bytes of their bodies.
const ROUND_BYTES: usize = 64 * 1024 * 1024;
/// Letters that are sent again together.
const TOGETHER: usize = 50;
/// After so long all letters in memory are held again, not only those that are sent next.
const HOLD_AGAIN: Duration = Duration::from_secs(20);
/// How long sending some letters is tried again.
const SEND_TIME: Duration = Duration::from_secs(30);

/// What came of sending letters again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Resent {
    /// Letters that are gone from the dead-letter queue.
    letters: u64,
    /// Changes sent again that take people out of an audience.
    deletes: u64,
    /// Ids sent again that are to leave every audience.
    erasures: u64,
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
    /// Letters that another command has.
    elsewhere: u64,
}

/// `dead-letters redrive`.
pub(crate) async fn redrive(cloud: &Cloud, filter: &Filter, adds: bool, yes: bool) -> Result<Report, Error> {
    let found = dead_letters::all(&cloud.dead_letters, filter).await?;
    refuse_several(&found.letters, filter)?;
    let Some(question) = question(&found.letters, adds, now_ms()) else {
        return Ok(told(&staying(&found)));
    };
    confirm(&question, yes)?;
    let terms = Terms { lanes: cloud.stack.lanes, max_bytes: cloud.stack.envelope_max_bytes, adds, now_ms: now_ms() };
    let run = Run {
        changes: &cloud.changes,
        secrets: &cloud.secrets,
        terms,
        records: HashMap::new(),
        asked: found.letters.into_iter().map(|letter| letter.id).collect(),
        came: HashSet::new(),
        resent: Resent { elsewhere: found.elsewhere, ..Resent::default() },
    };
    Ok(told(&resend(run, &cloud.dead_letters).await?))
}

/// What comes of letters of which nothing would be sent: nobody is asked, and none is touched.
fn staying(found: &Found) -> Resent {
    let (readable, unreadable): (Vec<_>, Vec<_>) = found.letters.iter().partition(|letter| letter.readable);
    Resent {
        adds_kept: readable.iter().map(|letter| letter.adds).sum(),
        unreadable: unreadable.len() as u64,
        elsewhere: found.elsewhere,
        ..Resent::default()
    }
}

/// Sends all letters again that were asked about.
async fn resend(mut run: Run<'_>, dead_letters: &Queue) -> Result<Resent, Error> {
    let outcome = letterbox::walk(dead_letters, async |letterbox| {
        loop {
            let round = run.round(letterbox).await?;
            if round.is_empty() {
                return Ok(());
            }
            let (mut rest, mut held) = (round.as_slice(), None);
            while !rest.is_empty() {
                let (some, later) = rest.split_at(rest.len().min(TOGETHER));
                let is_due = held.is_none_or(|held: Instant| held.elapsed() >= HOLD_AGAIN);
                let held_now = if is_due { rest } else { some };
                // Whoever has a letter meanwhile sends or deletes it, and what comes later must not overtake it.
                letterbox.hold(held_now.iter().map(|(_, received)| received)).await?;
                if is_due {
                    held = Some(Instant::now());
                }
                run.send(letterbox, dead_letters, some).await?;
                letterbox.say(&format!("{} sent again", count(run.resent.letters, "letter")));
                rest = later;
            }
        }
    })
    .await;
    if let Err(error) = outcome {
        let is_taken = matches!(error, Error::Queue(QueueError::Expired));
        let why = if is_taken { "another command has one of the next letters".to_owned() } else { error.to_string() };
        let told = told(&run.resent).text.replace('\n', " ");
        return Err(Error::Unfinished(format!("stopped, and can be started again: {why}. {told}")));
    }
    run.resent.elsewhere += (run.asked.len() - run.came.len()) as u64;
    Ok(run.resent)
}

struct Run<'a> {
    changes: &'a Queue,
    secrets: &'a Secrets,
    terms: Terms,
    records: HashMap<AdvertiserId, Option<Arc<Record>>>,
    /// Ids of the letters that were asked about. Nothing else is touched.
    asked: HashSet<String>,
    /// Those of them that came.
    came: HashSet<String>,
    resent: Resent,
}

impl Run<'_> {
    /// The next letters, the oldest changes first: of two that contradict each other the newer must be sent last.
    async fn round(&mut self, letterbox: &mut Letterbox<'_>) -> Result<Vec<(Letter, Received)>, Error> {
        let (mut round, mut bytes) = (Vec::new(), 0);
        while bytes < ROUND_BYTES {
            let received = letterbox.next().await?;
            if received.is_empty() {
                break;
            }
            for one in received {
                let letter = Letter::of(&one);
                if self.asked.contains(&letter.id) {
                    self.came.insert(letter.id.clone());
                    bytes += one.body.len();
                    round.push((letter, one));
                }
            }
        }
        round.sort_by_key(|(letter, _)| (letter.changed_ms, letter.given_up_ms));
        Ok(round)
    }

    /// Sends some letters again, writes what stays of them, and deletes those of which both succeeded.
    async fn send(
        &mut self,
        letterbox: &mut Letterbox<'_>,
        dead_letters: &Queue,
        letters: &[(Letter, Received)],
    ) -> Result<(), Error> {
        let mut steps = Vec::new();
        for (letter, received) in letters {
            let record = match self.record(letter.advertiser).await {
                Ok(record) => record,
                // One customer's trouble, of which the others know nothing.
                Err(unreadable @ secrets::Error::Unreadable { .. }) => {
                    self.failed(&unreadable);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
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
            steps.push(Step { letter, received, changes, rest, failure: None });
        }
        send_all(self.changes, &mut steps, |step| &step.changes).await;
        send_all(dead_letters, &mut steps, |step| &step.rest).await;
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
        match steps.into_iter().find_map(|step| step.failure.filter(QueueError::is_passing)) {
            // What comes later must not overtake what could not be sent.
            Some(failure) => Err(failure.into()),
            None => Ok(()),
        }
    }

    /// The record of an advertiser, read once.
    async fn record(&mut self, advertiser: Option<AdvertiserId>) -> Result<Option<Arc<Record>>, secrets::Error> {
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
        self.resent.erasures += letter.erasures;
        let (sent, kept) = if self.terms.adds { (letter.adds, 0) } else { (0, letter.adds) };
        self.resent.adds += sent;
        self.resent.adds_kept += kept;
    }

    fn failed(&mut self, error: &impl std::error::Error) {
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
    let Resent { letters, deletes, erasures, adds, adds_kept, unreadable, forgotten, failed, reason, elsewhere } =
        resent;
    let mut lines = vec![format!(
        "Sent again from {}: {} that take people out, {} that put people in.",
        count(*letters, "letter"),
        count(deletes + erasures, "change"),
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
    lines.extend(elsewhere_text(*elsewhere));
    Report::new(lines.join("\n"), resent).unless(*failed > 0 || *elsewhere > 0)
}

#[cfg(test)]
mod tests;
