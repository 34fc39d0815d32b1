//! What is done about a connection after an authorization. Pure: what TikTok says of the stored tokens is a parameter.
//!
//! Connections of the same TikTok user whose token TikTok refuses get the new one. Living ones keep theirs, other users' are never
//! touched, and an advertiser without a record is left without one.

use std::collections::{HashMap, HashSet};

use connections::{Accepted, Connection, Record, Transition};
use ids::{AccountId, AdvertiserId, TokenFingerprint};

use crate::findings::Health;

/// The token of this authorization.
pub(crate) struct NewToken {
    pub(crate) accepted: Accepted,
    /// The advertisers that TikTok lists for it.
    pub(crate) listed: HashSet<AdvertiserId>,
    /// Whether the permission to manage audiences was granted.
    pub(crate) may_manage: bool,
}

/// What TikTok says of a stored token, for one advertiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoredToken {
    Accepted,
    Refused,
    NotKnown,
}

/// What the new token could do for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replacement {
    Possible,
    /// It may not manage audiences.
    NotPermitted,
    /// TikTok did not list the advertiser for it.
    NotListed,
}

/// What is done about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing.
    Leave(Health),
    /// TikTok accepts its own token again.
    Revive,
    /// TikTok refuses its token, which the new one replaces.
    Replace,
}

impl Decision {
    /// How the connection is if nothing was written.
    pub(crate) const fn unwritten(self) -> Health {
        match self {
            Self::Leave(health) => health,
            Self::Revive | Self::Replace => Health::NotSaved,
        }
    }
}

/// Decides about a connection; `of_user`: whether its token is of the user who authorized, as far as that is known.
const fn decide(is_active: bool, of_user: Option<bool>, stored: StoredToken, replacement: Replacement) -> Decision {
    match (of_user, stored) {
        (Some(true), StoredToken::Refused) => match replacement {
            Replacement::Possible => Decision::Replace,
            Replacement::NotPermitted => Decision::Leave(Health::NotPermitted),
            Replacement::NotListed => Decision::Leave(Health::NotKnown),
        },
        (Some(true), StoredToken::Accepted) if !is_active => Decision::Revive,
        _ if is_active => Decision::Leave(Health::Works),
        (Some(false), _) => Decision::Leave(Health::OfAnotherLogin),
        (Some(true) | None, _) => Decision::Leave(Health::NotKnown),
    }
}

/// What TikTok says of the stored tokens.
pub(crate) type StoredTokens = HashMap<(TokenFingerprint, AdvertiserId), StoredToken>;

/// What is done about the connection of an account, if it still has that token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) account: AccountId,
    fingerprint: TokenFingerprint,
    pub(crate) decision: Decision,
}

/// What is done about each connection of an advertiser; `new` is `None` where TikTok did not say whose the new token is.
pub(crate) fn decisions(
    advertiser: AdvertiserId,
    record: &Record,
    new: Option<&NewToken>,
    answers: &StoredTokens,
) -> Vec<Decided> {
    let replacement = match new {
        Some(new) if !new.listed.contains(&advertiser) => Replacement::NotListed,
        Some(new) if new.may_manage => Replacement::Possible,
        Some(_) | None => Replacement::NotPermitted,
    };
    let decided = |(account, connection): (AccountId, &Connection)| {
        let of_user = new.map(|new| connection.user == new.accepted.user);
        let stored = answers.get(&(connection.fingerprint, advertiser)).copied().unwrap_or(StoredToken::NotKnown);
        let decision = decide(connection.state.is_active(), of_user, stored, replacement);
        Decided { account, fingerprint: connection.fingerprint, decision }
    };
    record.connections().map(decided).collect()
}

/// What became of the connections that were written.
pub(crate) type Written = HashMap<AccountId, Transition>;

/// Applies the decisions to the record as it is by now: what another writer changed meanwhile stays.
pub(crate) fn apply(record: &mut Record, decisions: &[Decided], new: &Accepted, now_ms: i64) -> Written {
    let apply = |one: &Decided| {
        let transition = match one.decision {
            Decision::Leave(_) => return None,
            Decision::Revive => record.revive(one.account, one.fingerprint, now_ms),
            Decision::Replace => record.replace_refused(one.account, one.fingerprint, new, now_ms),
        };
        Some((one.account, transition))
    };
    decisions.iter().filter_map(apply).collect()
}

/// How a connection is after it was written, if there still is one; `before`: as it was read, `after`: as it is by now.
pub(crate) fn health_after(
    transition: Transition,
    before: Option<&Connection>,
    after: Option<&Connection>,
) -> Option<Health> {
    match transition {
        Transition::Replaced | Transition::Revived(_) => {
            let was_suspended = before.is_some_and(|connection| connection.state.is_dead());
            Some(Health::WorksAgain { was_suspended })
        }
        // Another writer was first.
        Transition::Unchanged | Transition::Created | Transition::Refused | Transition::Dead => {
            after.map(|connection| if connection.state.is_active() { Health::Works } else { Health::NotKnown })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connections::{Refusal, Source, State, UserId};
    use proptest::prelude::*;
    use std::time::Duration;

    const NOW: i64 = 1_790_000_000_000;

    fn advertiser() -> AdvertiserId {
        "7123".parse().unwrap()
    }

    fn accepted(token: &str, user: &str) -> Accepted {
        Accepted { token: token.into(), user: UserId::new(user) }
    }

    fn new_token(may_manage: bool, listed: bool) -> NewToken {
        let listed = listed.then(advertiser).into_iter().collect();
        NewToken { accepted: accepted("new", "ann"), listed, may_manage }
    }

    fn record(connections: &[(i64, &str, &str, u8)]) -> Record {
        let mut record = Record::default();
        for (number, token, user, state) in connections {
            let account = AccountId::new(*number).unwrap();
            record.accept(account, &accepted(token, user), Source::Connect, NOW);
            let refusal = Refusal { fingerprint: TokenFingerprint::of(token), code: None, first_ms: NOW };
            let grace = if *state == 2 { Duration::ZERO } else { Duration::from_hours(1) };
            if *state > 0 {
                record.refuse(account, &refusal, NOW, grace, false);
            }
        }
        record
    }

    #[test]
    fn every_case_has_its_decision() {
        use Decision::{Leave, Replace, Revive};
        use Replacement::{NotListed, NotPermitted, Possible};
        use StoredToken::{Accepted, NotKnown, Refused};
        let table = [
            (true, Some(true), Accepted, Possible, Leave(Health::Works)),
            (true, Some(true), NotKnown, Possible, Leave(Health::Works)),
            (true, Some(true), Refused, Possible, Replace),
            (true, Some(true), Refused, NotPermitted, Leave(Health::NotPermitted)),
            (true, Some(true), Refused, NotListed, Leave(Health::NotKnown)),
            (false, Some(true), Accepted, NotPermitted, Revive),
            (false, Some(true), Refused, Possible, Replace),
            (false, Some(true), Refused, NotPermitted, Leave(Health::NotPermitted)),
            (false, Some(true), NotKnown, Possible, Leave(Health::NotKnown)),
            (true, Some(false), Refused, Possible, Leave(Health::Works)),
            (false, Some(false), Refused, Possible, Leave(Health::OfAnotherLogin)),
            (false, Some(false), Accepted, Possible, Leave(Health::OfAnotherLogin)),
            (true, None, NotKnown, NotPermitted, Leave(Health::Works)),
            (false, None, NotKnown, NotPermitted, Leave(Health::NotKnown)),
        ];
        for (is_active, of_user, stored, replacement, decision) in table {
            let decided = decide(is_active, of_user, stored, replacement);
            assert_eq!(decided, decision, "{is_active} {of_user:?} {stored:?} {replacement:?}");
        }
    }

    #[test]
    fn what_another_writer_changed_meanwhile_stays() {
        let before = record(&[(1, "old", "ann", 2)]);
        let answers = StoredTokens::from([((TokenFingerprint::of("old"), advertiser()), StoredToken::Refused)]);
        let new = new_token(true, true);
        let decided = decisions(advertiser(), &before, Some(&new), &answers);
        let account = AccountId::new(1).unwrap();
        let table = [
            (record(&[(1, "pasted", "bob", 0)]), Some(Health::Works)),
            (record(&[(1, "pasted", "bob", 1)]), Some(Health::NotKnown)),
            (Record::default(), None),
        ];
        for (meanwhile, health) in table {
            let mut after = meanwhile.clone();
            let written = apply(&mut after, &decided, &new.accepted, NOW);
            assert_eq!((&written, &after), (&Written::from([(account, Transition::Unchanged)]), &meanwhile));
            assert_eq!(health_after(written[&account], before.get(account), after.get(account)), health);
        }
    }

    fn stored() -> impl Strategy<Value = StoredToken> {
        prop_oneof![Just(StoredToken::Accepted), Just(StoredToken::Refused), Just(StoredToken::NotKnown)]
    }

    proptest! {
        #[test]
        fn only_stopped_or_refused_connections_of_this_user_change(
            connections in prop::collection::vec((1_i64..6, "[a-c]", "ann|bob", 0_u8..3, stored()), 0..6),
            may_manage: bool,
            listed: bool,
        ) {
            let parts: Vec<_> = connections.iter().map(|(n, token, user, state, _)| (*n, &**token, &**user, *state)).collect();
            let before = record(&parts);
            let answers = connections.iter().map(|(_, token, _, _, stored)| {
                ((TokenFingerprint::of(token), advertiser()), *stored)
            });
            let answers: StoredTokens = answers.collect();
            let new = new_token(may_manage, listed);
            let mut after = before.clone();
            let decided = decisions(advertiser(), &before, Some(&new), &answers);
            apply(&mut after, &decided, &new.accepted, NOW);
            for (account, was) in before.connections() {
                let is = after.get(account).unwrap();
                let answer = answers[&(was.fingerprint, advertiser())];
                let own = was.user == UserId::new("ann");
                if is.fingerprint != was.fingerprint {
                    prop_assert!(own && answer == StoredToken::Refused && may_manage && listed);
                }
                if !own || answer == StoredToken::NotKnown {
                    prop_assert_eq!(is, was);
                }
                if own && answer == StoredToken::Accepted {
                    prop_assert_eq!((is.state, is.fingerprint), (State::Active, was.fingerprint));
                }
            }
        }
    }
}
