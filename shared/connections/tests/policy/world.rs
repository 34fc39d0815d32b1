//! Accounts, tokens and events to choose from, and a record that lives through them.

use std::time::Duration;

use connections::{Accepted, Connection, Record, Refusal, Source, State, Transition, UserId};
use ids::{AccountId, AudienceId, TokenFingerprint};
use proptest::prelude::*;

pub(crate) const NOW: i64 = 1_790_000_000_000;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 86_400_000;
pub(crate) const GRACE: Duration = Duration::from_hours(1);

pub(crate) fn account(number: i64) -> AccountId {
    AccountId::new(number).unwrap()
}

pub(crate) fn audience(number: u64) -> AudienceId {
    number.to_string().parse().unwrap()
}

/// Token `name`, granted by the user that its first letter names.
pub(crate) fn accepted(name: &str) -> Accepted {
    Accepted { token: name.into(), user: UserId::new(&name[..1]) }
}

pub(crate) fn fingerprint(name: &str) -> TokenFingerprint {
    TokenFingerprint::of(name)
}

pub(crate) fn refusal(name: &str, first_ms: i64) -> Refusal {
    Refusal { fingerprint: fingerprint(name), code: Some(40_105), first_ms }
}

/// A record whose connection 1 uses the token "a1" since `NOW`.
pub(crate) fn connected() -> Record {
    let mut record = Record::default();
    assert_eq!(record.accept(account(1), &accepted("a1"), Source::Connect, NOW), Transition::Created);
    record
}

pub(crate) fn state(record: &Record, number: i64) -> State {
    record.get(account(number)).unwrap().state
}

/// One event of the outside world.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Accept { token: &'static str, source: Source },
    Revive { token: &'static str },
    Refuse { token: &'static str, first_ago_ms: i64, grace: Duration, braked: bool },
    Page { refused: &'static str, token: &'static str },
    Use,
    Created(u64),
    Deleted(u64),
}

/// An event for one account, some time after the one before.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) account: AccountId,
    pub(crate) after_ms: i64,
    pub(crate) event: Event,
}

impl Step {
    /// What the connection became, where the event says so.
    pub(crate) fn apply(&self, record: &mut Record, now_ms: i64) -> Option<Transition> {
        let account = self.account;
        match &self.event {
            Event::Accept { token, source } => Some(record.accept(account, &accepted(token), *source, now_ms)),
            Event::Revive { token } => Some(record.revive(account, fingerprint(token), now_ms)),
            Event::Refuse { token, first_ago_ms, grace, braked } => {
                let refusal = refusal(token, now_ms.saturating_sub(*first_ago_ms));
                Some(record.refuse(account, &refusal, now_ms, *grace, *braked))
            }
            Event::Page { refused, token } => {
                Some(record.replace_refused(account, fingerprint(refused), &accepted(token), now_ms))
            }
            Event::Use => {
                record.use_in_week(account, now_ms);
                None
            }
            Event::Created(number) => {
                record.note_created(account, audience(*number), now_ms);
                None
            }
            Event::Deleted(number) => {
                record.note_deleted(account, audience(*number), now_ms);
                None
            }
        }
    }

    /// The token that this event may put in use.
    pub(crate) fn brings(&self) -> Option<&'static str> {
        match self.event {
            Event::Accept { token, .. } | Event::Page { token, .. } => Some(token),
            Event::Revive { .. } | Event::Refuse { .. } | Event::Use | Event::Created(_) | Event::Deleted(_) => None,
        }
    }
}

fn tokens() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a1", "a2", "a3", "b1", "b2"])
}

fn events() -> impl Strategy<Value = Event> {
    let sources = prop::sample::select(vec![Source::Connect, Source::Update, Source::Membership]);
    let graces = prop::sample::select(vec![Duration::ZERO, GRACE, Duration::MAX]);
    prop_oneof![
        3 => (tokens(), sources).prop_map(|(token, source)| Event::Accept { token, source }),
        2 => tokens().prop_map(|token| Event::Revive { token }),
        6 => (tokens(), 0..2 * HOUR, graces, any::<bool>())
            .prop_map(|(token, first_ago_ms, grace, braked)| Event::Refuse { token, first_ago_ms, grace, braked }),
        2 => (tokens(), tokens()).prop_map(|(refused, token)| Event::Page { refused, token }),
        1 => Just(Event::Use),
        1 => (1..9_u64).prop_map(Event::Created),
        1 => (1..9_u64).prop_map(Event::Deleted),
    ]
}

/// Lives of up to `steps` events, on three accounts, over seconds or over months.
pub(crate) fn lives(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    let after_ms = prop_oneof![6 => 0..5_000_i64, 3 => 0..HOUR, 1 => 0..40 * DAY];
    let step =
        (1..4_i64, after_ms, events()).prop_map(|(n, after_ms, event)| Step { account: account(n), after_ms, event });
    prop::collection::vec(step, 0..steps)
}

/// What an event of another connection must leave as it was.
pub(crate) fn essence(connection: &Connection) -> impl PartialEq + std::fmt::Debug {
    (
        connection.fingerprint,
        connection.user.clone(),
        connection.source,
        connection.since_ms,
        connection.state,
        connection.replaced.clone(),
        connection.last_used_week,
    )
}
