//! Against an SQS and a Secrets Manager in memory: whatever fails in between, each change is in one of the two queues.

use std::collections::BTreeSet;

use envelope::{Envelope, Header, Row, SentId, Writer};
use ids::{Encoding, IdType};
use queue::in_memory::{Fault, InMemory};

use super::*;
use crate::delete::delete_all;

const CHANGES: &str = "http://sqs/changes.fifo";
const LETTERS: &str = "http://sqs/dead-letters.fifo";

struct World {
    sqs: InMemory,
    changes: Queue,
    dead_letters: Queue,
    records: secrets::in_memory::InMemory,
    secrets: Secrets,
}

impl World {
    fn new() -> Self {
        let sqs = InMemory::default();
        let client = sqs.client();
        let (changes, dead_letters) =
            (Queue::new(&client, CHANGES.to_owned()), Queue::new(&client, LETTERS.to_owned()));
        let records = secrets::in_memory::InMemory::default();
        let secrets = Secrets::new(records.client(), "s/advertiser/");
        Self { sqs, changes, dead_letters, records, secrets }
    }

    /// Letter `id` of an account: one id joins audience 71 and another leaves 72.
    fn letter(&self, id: u8, account: &str) {
        self.letter_of("7", id, account);
    }

    fn letter_of(&self, advertiser: &str, id: u8, account: &str) {
        let connection = format!("{advertiser}.{account}").parse().unwrap();
        let header = Header { connection, changed_ms: 1_790_000_000_000 };
        let mut writer = Writer::new(header, 240_000);
        for (digit, adds, deletes) in [(1, Some("71"), None), (2, None, Some("72"))] {
            let audiences = |id: Option<&str>| id.map(|id| id.parse().unwrap()).into_iter().collect();
            let value = format!("0ca6a1feca650934a6a80edc68fd{digit:02}{id:02x}");
            let id = SentId(IdType::Gaid, Encoding::Md5, value.into());
            let (adds, deletes) = (audiences(adds), audiences(deletes));
            let row = Row { adds, deletes, ..Row::of(None, id) };
            writer.push(&row).unwrap();
        }
        let name = format!("l-{id}");
        let attributes = [("id", name.as_str()), ("cause", "token"), ("advertiser", advertiser), ("account", account)];
        self.sqs.send(LETTERS, &name, &writer.finish()[0], &attributes);
    }

    async fn redrive(&self, filter: &Filter, adds: bool) -> Result<Resent, Error> {
        let found = dead_letters::all(&self.dead_letters, filter).await?;
        self.redrive_those(found, adds).await
    }

    async fn redrive_those(&self, found: Found, adds: bool) -> Result<Resent, Error> {
        let run = Run {
            changes: &self.changes,
            secrets: &self.secrets,
            terms: Terms { lanes: 4, max_bytes: 60_000, adds, now_ms: 1_790_000_060_000 },
            records: HashMap::new(),
            asked: found.letters.into_iter().map(|letter| letter.id).collect(),
            came: HashSet::new(),
            resent: Resent::default(),
        };
        resend(run, &self.dead_letters).await
    }

    /// Who joins and leaves by the messages of a queue.
    fn held(&self, url: &str) -> BTreeSet<(String, char)> {
        let mut held = BTreeSet::new();
        for message in self.sqs.messages(url) {
            for row in Envelope::read(&message.body).unwrap().rows {
                held.extend(row.adds.iter().map(|_| (row.id.2.to_string(), '+')));
                held.extend(row.deletes.iter().map(|_| (row.id.2.to_string(), '-')));
            }
        }
        held
    }
}

#[tokio::test(start_paused = true)]
async fn those_that_leave_go_and_those_that_join_stay_until_they_are_asked_for() {
    let world = World::new();
    (0..25).for_each(|id| world.letter(id, "12"));
    let resent = world.redrive(&Filter::default(), false).await.unwrap();
    assert_eq!((resent.letters, resent.deletes, resent.adds, resent.adds_kept, resent.failed), (25, 25, 0, 25, 0));
    assert!(world.held(CHANGES).iter().all(|(_, sign)| *sign == '-') && world.held(CHANGES).len() == 25);
    assert!(world.held(LETTERS).iter().all(|(_, sign)| *sign == '+') && world.held(LETTERS).len() == 25);
    assert_eq!(world.sqs.in_flight(LETTERS), 0, "what stays is put back at once");
    let resent = world.redrive(&Filter::default(), true).await.unwrap();
    assert_eq!((resent.letters, resent.adds), (25, 25));
    assert_eq!(world.held(CHANGES).len(), 50);
    assert!(world.held(LETTERS).is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_what_fits_is_touched() {
    let world = World::new();
    world.letter(1, "12");
    world.letter(2, "13");
    let filter = Filter { account: Some("13".parse().unwrap()), cause: Some("token".to_owned()), ..Filter::default() };
    world.redrive(&filter, true).await.unwrap();
    let left: Vec<_> = world.sqs.messages(LETTERS).into_iter().map(|letter| letter.group).collect();
    assert_eq!(left, ["l-1"]);
    assert_eq!(world.sqs.in_flight(LETTERS), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_breaks_off_anywhere_loses_nothing_and_the_next_one_ends_it() {
    for action in ["ReceiveMessage", "SendMessageBatch", "DeleteMessageBatch", "GetQueueAttributes"] {
        for fault in [Fault::NotReached, Fault::AnswerLost, Fault::Refused("AccessDenied")] {
            let world = World::new();
            (0..25).for_each(|id| world.letter(id, "12"));
            let all = world.held(LETTERS);
            world.sqs.fail_next(action, fault);
            // It may succeed all the same, or stop; either way nothing is lost.
            drop(world.redrive(&Filter::default(), true).await);
            let held: BTreeSet<_> = world.held(CHANGES).union(&world.held(LETTERS)).cloned().collect();
            assert_eq!(held, all, "{action} {fault:?}");
            if action != "ReceiveMessage" {
                assert_eq!(world.sqs.in_flight(LETTERS), 0, "{action} {fault:?}: they are put back at once");
            }
            tokio::time::sleep(Duration::from_mins(3)).await;
            world.redrive(&Filter::default(), true).await.unwrap();
            assert_eq!(world.held(CHANGES), all, "{action} {fault:?}");
            assert!(world.held(LETTERS).is_empty(), "{action} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_letters_that_were_asked_about_are_touched() {
    let world = World::new();
    world.letter(1, "12");
    world.letter(2, "12");
    let every = Filter::default();
    let found = dead_letters::all(&world.dead_letters, &every).await.unwrap();
    let again = dead_letters::all(&world.dead_letters, &every).await.unwrap();
    world.letter(3, "12");
    let resent = world.redrive_those(found, true).await.unwrap();
    assert_eq!((resent.letters, resent.elsewhere), (2, 0));
    let left: Vec<_> = world.sqs.messages(LETTERS).into_iter().map(|letter| letter.group).collect();
    assert_eq!(left, ["l-3"]);
    let resent = world.redrive_those(again, true).await.unwrap();
    assert_eq!((resent.letters, resent.elsewhere), (0, 2), "they are gone meanwhile");
    assert!(!told(&resent).well);
}

#[tokio::test(start_paused = true)]
async fn what_another_command_took_meanwhile_is_not_sent_and_nothing_overtakes_it() {
    let world = World::new();
    (0..60).for_each(|id| world.letter(id, "12"));
    let found = dead_letters::all(&world.dead_letters, &Filter::default()).await.unwrap();
    world.sqs.refuse_entries("ChangeMessageVisibilityBatch", "message-7#", "ReceiptHandleIsInvalid", true, 1);
    let error = world.redrive_those(found, true).await.unwrap_err();
    assert!(error.to_string().contains("can be started again: another command has one"), "{error}");
    assert!(world.held(CHANGES).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_longer_than_letters_are_away_sends_each_once() {
    let world = World::new();
    (0..100).for_each(|id| world.letter(id, "12"));
    let all = world.held(LETTERS);
    world.sqs.set_latency(Duration::from_secs(2));
    let resent = world.redrive(&Filter::default(), true).await.unwrap();
    assert_eq!((resent.letters, resent.failed, resent.elsewhere), (100, 0, 0));
    assert_eq!(world.held(CHANGES), all);
    assert!(world.held(LETTERS).is_empty());
}

#[tokio::test(start_paused = true)]
async fn letters_of_a_customer_whose_record_cannot_be_read_stay_and_the_others_go() {
    let world = World::new();
    world.letter_of("8", 1, "12");
    world.letter(2, "12");
    world.records.set("s/advertiser/8", "not a record");
    let resent = world.redrive(&Filter::default(), true).await.unwrap();
    assert_eq!((resent.letters, resent.failed), (1, 1));
    assert!(resent.reason.unwrap().contains("s/advertiser/8"));
    let left: Vec<_> = world.sqs.messages(LETTERS).into_iter().map(|letter| letter.group).collect();
    assert_eq!(left, ["l-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_loses_nothing_and_says_nothing_twice_that_matters() {
    for calls in 0..12 {
        let world = World::new();
        (0..25).for_each(|id| world.letter(id, "12"));
        let all = world.held(LETTERS);
        world.sqs.set_latency(Duration::from_secs(1));
        let filter = Filter::default();
        let killed = tokio::time::timeout(Duration::from_millis(calls * 1_000 + 500), world.redrive(&filter, true));
        drop(killed.await);
        let held: BTreeSet<_> = world.held(CHANGES).union(&world.held(LETTERS)).cloned().collect();
        assert_eq!(held, all, "killed after {calls} calls");
        world.sqs.set_latency(Duration::ZERO);
        tokio::time::sleep(Duration::from_mins(2)).await;
        world.redrive(&Filter::default(), true).await.unwrap();
        assert_eq!(world.held(CHANGES), all);
        let bodies: Vec<_> = world.sqs.messages(CHANGES).into_iter().map(|message| message.body).collect();
        assert_eq!(bodies.len(), bodies.iter().collect::<BTreeSet<_>>().len(), "killed after {calls} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn letters_are_deleted_by_what_they_are_and_the_others_are_put_back() {
    let world = World::new();
    world.letter(1, "12");
    world.letter(2, "13");
    let filter = Filter { id: Some("l-2".to_owned()), ..Filter::default() };
    assert_eq!(delete_all(&world.dead_letters, |letter| letter.fits(&filter)).await.unwrap().deleted, 1);
    assert_eq!(world.sqs.messages(LETTERS).len(), 1);
    assert_eq!(world.sqs.in_flight(LETTERS), 0);
    assert_eq!(dead_letters::all(&world.dead_letters, &Filter::default()).await.unwrap().letters.len(), 1);
    assert_eq!(world.sqs.in_flight(LETTERS), 0);
}

#[tokio::test(start_paused = true)]
async fn before_anything_is_sent_again_it_is_told_what_that_can_undo() {
    let world = World::new();
    world.letter(1, "12");
    world.letter(2, "12");
    let letters = dead_letters::all(&world.dead_letters, &Filter::default()).await.unwrap().letters;
    let later_ms = 1_790_000_000_000 + 3 * 24 * 3_600_000;
    insta::assert_snapshot!("question", question(&letters, false, later_ms).unwrap());
    insta::assert_snapshot!("question_with_adds", question(&letters, true, later_ms).unwrap());
    let puts_in: Vec<_> = letters.into_iter().map(|letter| Letter { deletes: 0, ..letter }).collect();
    assert_eq!(question(&puts_in, false, later_ms), None, "nothing would be sent");
    assert!(question(&puts_in, true, later_ms).is_some());
    let erases: Vec<_> = puts_in.into_iter().map(|letter| Letter { adds: 0, erasures: 1, ..letter }).collect();
    assert!(question(&erases, false, later_ms).is_some());
}

#[test]
fn what_came_of_it_is_told_with_what_stays() {
    let resent = Resent {
        letters: 1_200,
        deletes: 4_999,
        erasures: 1,
        adds_kept: 3,
        unreadable: 1,
        forgotten: 2,
        failed: 1,
        reason: Some("SQS refuses it: X".to_owned()),
        ..Resent::default()
    };
    let told = told(&resent);
    assert!(!told.well);
    insta::assert_snapshot!(told.text);
}
