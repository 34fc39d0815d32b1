//! `dead-letters delete`.

use std::collections::HashSet;

use queue::Queue;
use serde::Serialize;

use crate::arguments::Filter;
use crate::cloud::Cloud;
use crate::confirm::confirm;
use crate::dead_letters::{self, Found, refuse_several};
use crate::error::Error;
use crate::letter::Letter;
use crate::letterbox::{self, elsewhere_text};
use crate::output::{Report, count};

/// What came of deleting letters.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Deleted {
    pub(crate) deleted: u64,
    /// Letters that another command has.
    pub(crate) elsewhere: u64,
}

/// `dead-letters delete`.
pub(crate) async fn delete(cloud: &Cloud, filter: &Filter, all: bool, yes: bool) -> Result<Report, Error> {
    if filter.is_empty() && !all {
        return Err(Error::NotConfirmed("say which letters: --id, --cause, --advertiser, --account, or --all"));
    }
    let found = dead_letters::all(&cloud.dead_letters, filter).await?;
    refuse_several(&found.letters, filter)?;
    if !found.letters.is_empty() {
        let changes = found.letters.iter().map(|letter| letter.adds + letter.out()).sum::<u64>();
        let question =
            format!("Delete {} with {} for good?", count(found.letters.len(), "letter"), count(changes, "change"));
        confirm(&question, yes)?;
    }
    Ok(told(&delete_found(&cloud.dead_letters, &found).await?))
}

/// Deletes the letters that were found, and none that came since.
async fn delete_found(dead_letters: &Queue, found: &Found) -> Result<Deleted, Error> {
    let asked: HashSet<_> = found.letters.iter().map(|letter| letter.id.as_str()).collect();
    if asked.is_empty() {
        return Ok(Deleted { deleted: 0, elsewhere: found.elsewhere });
    }
    let deleted = delete_all(dead_letters, |letter| asked.contains(letter.id.as_str())).await?.deleted;
    let missing = (found.letters.len() as u64).saturating_sub(deleted);
    Ok(Deleted { deleted, elsewhere: found.elsewhere + missing })
}

fn told(deleted: &Deleted) -> Report {
    let mut lines = vec![format!("Deleted: {}.", count(deleted.deleted, "letter"))];
    lines.extend(elsewhere_text(deleted.elsewhere));
    Report::new(lines.join("\n"), deleted).unless(deleted.elsewhere > 0)
}

/// Deletes the letters that `is_meant`.
pub(crate) async fn delete_all(dead_letters: &Queue, is_meant: impl Fn(&Letter) -> bool) -> Result<Deleted, Error> {
    let mut deleted = 0;
    let outcome = letterbox::walk(dead_letters, async |letterbox| {
        loop {
            let received = letterbox.next().await?;
            if received.is_empty() {
                return Ok(letterbox.elsewhere());
            }
            let meant: Vec<_> = received.iter().filter(|one| is_meant(&Letter::of(one))).collect();
            for outcome in letterbox.delete(&meant).await {
                outcome?;
                deleted += 1;
            }
        }
    })
    .await;
    let elsewhere = outcome.map_err(|error| {
        Error::Unfinished(format!("stopped, and can be started again: {error}. Deleted: {}.", count(deleted, "letter")))
    })?;
    Ok(Deleted { deleted, elsewhere })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use queue::in_memory::InMemory;

    use super::*;

    const LETTERS: &str = "http://sqs/dead-letters.fifo";

    #[tokio::test(start_paused = true)]
    async fn only_what_was_found_is_deleted_and_what_was_not_met_is_told() {
        let sqs = InMemory::default();
        let queue = Queue::new(&sqs.client(), LETTERS.to_owned());
        let send = |id: &str| sqs.send(LETTERS, id, id, &[("id", id)]);
        let none = dead_letters::all(&queue, &Filter::default()).await.unwrap();
        send("a");
        assert_eq!(delete_found(&queue, &none).await.unwrap(), Deleted::default());
        send("b");
        let found = dead_letters::all(&queue, &Filter::default()).await.unwrap();
        send("c");
        assert_eq!(delete_found(&queue, &found).await.unwrap(), Deleted { deleted: 2, elsewhere: 0 });
        let left = dead_letters::all(&queue, &Filter::default()).await.unwrap();
        assert_eq!(left.letters.iter().map(|letter| letter.id.as_str()).collect::<Vec<_>>(), ["c"]);
        assert_eq!(sqs.receive(LETTERS, Duration::from_mins(5)).len(), 1);
        let deleted = delete_found(&queue, &left).await.unwrap();
        assert_eq!(deleted, Deleted { deleted: 0, elsewhere: 1 });
        assert!(!told(&deleted).well);
    }
}
