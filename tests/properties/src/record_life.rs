//! A record's life: whatever happens to it in whatever order, at whatever times.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use connections::{Accepted, Record, Refusal, Source, Transition, UserId};
use ids::{AccountId, AudienceId, TokenFingerprint};
use secrecy::SecretString;

use crate::record::assert_is_consistent;

/// Any events, made from the bytes: after each the record is consistent and within its bounds, only the connection that it is about
/// changed, and the transition says whether anything did.
pub fn record_life(bytes: &[u8]) {
    let mut unstructured = Unstructured::new(bytes);
    let mut record = Record::default();
    let mut now_ms = 0_i64;
    while !unstructured.is_empty() {
        let Ok(step) = Step::arbitrary(&mut unstructured) else { return };
        now_ms = now_ms.saturating_add(step.after_ms);
        let before = record.clone();
        let transition = step.event.happen(&mut record, step.account(), now_ms);
        match transition {
            Some(Transition::Unchanged) if is_pasted(step.account(), &before, &record) => {}
            Some(Transition::Unchanged) => assert_eq!(record, before),
            Some(_) => assert_ne!(record, before),
            None => {}
        }
        assert_is_consistent(&record);
        assert_is_bounded(&record);
        assert_others_stay(&before, &record, &step);
    }
}

/// The token in use is the page's, and mParticle brought it too.
fn is_pasted(account: AccountId, before: &Record, after: &Record) -> bool {
    let is_of_page = |record: &Record| record.get(account).is_some_and(|connection| connection.source == Source::Page);
    is_of_page(before) && !is_of_page(after)
}

#[derive(Debug, Arbitrary)]
struct Step {
    account: u8,
    after_ms: i64,
    event: Event,
}

#[derive(Debug, Arbitrary)]
enum Event {
    Accept { token: u8, user: u8, at_connect: bool },
    Revive { token: u8 },
    Refuse { token: u8, code: Option<i64>, first_ms: i64, grace_s: u64, braked: bool },
    ReplaceRefused { refused: u8, token: u8, user: u8 },
    NoteCreated { audience: u16 },
    NoteDeleted { audience: u16 },
    UseInWeek,
    Remove,
    Forget,
}

impl Step {
    fn account(&self) -> AccountId {
        AccountId::new(i64::from(self.account % 4) + 1).expect("a positive number")
    }
}

impl Event {
    fn happen(&self, record: &mut Record, account: AccountId, now_ms: i64) -> Option<Transition> {
        match self {
            Self::Accept { token, user, at_connect } => {
                let source = if *at_connect { Source::Connect } else { Source::Membership };
                return Some(record.accept(account, &accepted(*token, *user), source, now_ms));
            }
            Self::Revive { token } => return Some(record.revive(account, fingerprint(*token), now_ms)),
            Self::Refuse { token, code, first_ms, grace_s, braked } => {
                let refusal = Refusal { fingerprint: fingerprint(*token), code: *code, first_ms: *first_ms };
                return Some(record.refuse(account, &refusal, now_ms, Duration::from_secs(*grace_s), *braked));
            }
            Self::ReplaceRefused { refused, token, user } => {
                return Some(record.replace_refused(account, fingerprint(*refused), &accepted(*token, *user), now_ms));
            }
            Self::NoteCreated { audience: number } => record.note_created(account, audience(*number), now_ms),
            Self::NoteDeleted { audience: number } => record.note_deleted(account, audience(*number), now_ms),
            Self::UseInWeek => assert!(!record.use_in_week(account, now_ms) || record.get(account).is_some()),
            Self::Remove => assert_eq!(record.get(account).is_some(), record.remove(account)),
            Self::Forget => record.forget(now_ms),
        }
        None
    }
}

fn token(number: u8) -> String {
    format!("token {}", number % 16)
}

fn fingerprint(number: u8) -> TokenFingerprint {
    TokenFingerprint::of(&token(number))
}

fn accepted(number: u8, user: u8) -> Accepted {
    Accepted { token: SecretString::from(token(number)), user: UserId::new(format!("{}", user % 3)) }
}

fn audience(number: u16) -> AudienceId {
    format!("{}", u32::from(number) + 1).parse().expect("a positive number")
}

fn assert_is_bounded(record: &Record) {
    assert!(record.connections().all(|(_, connection)| connection.created.len() <= 100));
    let deleted = (1..=4).filter_map(AccountId::new).map(|account| record.deleted_by(account).count());
    assert!(deleted.sum::<usize>() <= 200);
}

/// They may only be removed where they are unused, and forget what they created.
fn assert_others_stay(before: &Record, after: &Record, step: &Step) {
    for (account, is) in after.connections().filter(|(account, _)| *account != step.account()) {
        let was = before.get(account).expect("an event makes no other connection");
        assert_eq!(
            (is.fingerprint, is.state, is.since_ms, &is.user),
            (was.fingerprint, was.state, was.since_ms, &was.user)
        );
        assert_eq!((&is.replaced, is.last_used_week), (&was.replaced, was.last_used_week));
        assert!(is.created.iter().all(|created| was.created.contains(created)));
    }
}
