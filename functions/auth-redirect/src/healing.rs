//! Doing the authorization again heals what had stopped: connections of the same TikTok user whose token TikTok refuses get the new one.
//!
//! Living connections keep their token, other users' connections are never touched, and an advertiser without a record is left without one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use connections::{Accepted, Became, Connection, How, Record, UserId};
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use ids::{AccountId, AdvertiserId, TokenFingerprint};
use secrecy::SecretString;
use tiktok::{Acceptance, Failure, Meaning};
use tokio::time::timeout_at;

use crate::checks::Checks;
use crate::findings::Health;

/// Records written at a time.
const WRITES_AT_ONCE: usize = 8;

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
enum Stored {
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
enum Decision {
    /// Nothing.
    Leave(Health),
    /// TikTok accepts its own token again.
    Revive,
    /// TikTok refuses its token, which the new one replaces.
    Replace,
}

/// Decides about a connection; `of_user`: whether its token is of the user who authorized, as far as that is known.
const fn decide(is_active: bool, of_user: Option<bool>, stored: Stored, replacement: Replacement) -> Decision {
    match (of_user, stored) {
        (Some(true), Stored::Refused) => match replacement {
            Replacement::Possible => Decision::Replace,
            Replacement::NotPermitted => Decision::Leave(Health::Kept),
            Replacement::NotListed => Decision::Leave(Health::NotChecked),
        },
        (Some(true), Stored::Accepted) if !is_active => Decision::Revive,
        _ if is_active => Decision::Leave(Health::Flows),
        (Some(false), _) => Decision::Leave(Health::OfAnotherLogin),
        (Some(true) | None, _) => Decision::Leave(Health::NotChecked),
    }
}

/// A stored token of this user, and the advertisers whose connections use it.
struct InUse {
    token: SecretString,
    advertisers: Vec<AdvertiserId>,
    /// One of the connections has stopped.
    has_stopped: bool,
}

type Answers = HashMap<(TokenFingerprint, AdvertiserId), Stored>;

impl Checks<'_> {
    /// Heals what may be healed, and says how each connection is.
    pub(crate) async fn heal(
        &self,
        records: &HashMap<AdvertiserId, Arc<Record>>,
        new: Option<&NewToken>,
    ) -> HashMap<AdvertiserId, Vec<(AccountId, Health)>> {
        let answers = match new {
            Some(new) => self.ask_stored(records, new).await,
            None => Answers::new(),
        };
        let healed = records.iter().map(|(advertiser, record)| {
            let decisions = decisions(*advertiser, record, new, &answers);
            async move { (*advertiser, self.carry_out(*advertiser, record, new, decisions).await) }
        });
        stream::iter(healed.collect::<Vec<_>>()).buffer_unordered(WRITES_AT_ONCE).collect().await
    }

    /// Asks TikTok with each stored token of this user, those of stopped connections first.
    async fn ask_stored(&self, records: &HashMap<AdvertiserId, Arc<Record>>, new: &NewToken) -> Answers {
        let mut in_use: Vec<_> = in_use(records, &new.accepted.user).into_iter().collect();
        in_use.sort_by_key(|(fingerprint, token)| (!token.has_stopped, *fingerprint));
        let own = new.accepted.fingerprint();
        let asked = join_all(in_use.iter().map(|(fingerprint, token)| async {
            let answers = if *fingerprint == own {
                let stored = |id| if new.listed.contains(&id) { Stored::Accepted } else { Stored::NotKnown };
                token.advertisers.iter().map(|id| (*id, stored(*id))).collect()
            } else {
                self.ask(&token.token, &token.advertisers).await
            };
            answers.into_iter().map(|(id, stored)| ((*fingerprint, id), stored)).collect::<Vec<_>>()
        }));
        asked.await.into_iter().flatten().collect()
    }

    /// What TikTok says of a stored token: two calls for all its advertisers, and one by one only where those do not tell.
    async fn ask(&self, token: &SecretString, advertisers: &[AdvertiserId]) -> Vec<(AdvertiserId, Stored)> {
        let all = |stored| advertisers.iter().map(|id| (*id, stored)).collect::<Vec<_>>();
        let [several @ .., _] = advertisers else { return Vec::new() };
        if several.is_empty() {
            return self.one_by_one(token, advertisers).await;
        }
        if !self.turn(self.deadline).await {
            return all(Stored::NotKnown);
        }
        match self.call(self.client.user(token)).await {
            Ok(_) => {}
            Err(failure) if is_refusal(&failure) => return all(Stored::Refused),
            Err(failure) => {
                self.note(Some(&failure));
                return all(Stored::NotKnown);
            }
        }
        if !self.turn(self.deadline).await {
            return all(Stored::NotKnown);
        }
        match self.call(self.client.advertisers(token, advertisers)).await {
            Ok(listed) => {
                let listed: HashSet<_> = listed.iter().map(|one| one.advertiser_id).collect();
                let stored = |id| if listed.contains(&id) { Stored::Accepted } else { Stored::Refused };
                advertisers.iter().map(|id| (*id, stored(*id))).collect()
            }
            Err(failure) if is_refusal(&failure) => self.one_by_one(token, advertisers).await,
            Err(failure) => {
                self.note(Some(&failure));
                all(Stored::NotKnown)
            }
        }
    }

    async fn one_by_one(&self, token: &SecretString, advertisers: &[AdvertiserId]) -> Vec<(AdvertiserId, Stored)> {
        join_all(advertisers.iter().map(|id| async {
            // Two calls.
            if !self.turn(self.deadline).await || !self.turn(self.deadline).await {
                return (*id, Stored::NotKnown);
            }
            let stored = match self.call(self.client.accepts(token, *id)).await {
                Ok(Acceptance::Accepted { .. }) => Stored::Accepted,
                Ok(Acceptance::Refused(_)) => Stored::Refused,
                Err(failure) => {
                    self.note(Some(&failure));
                    Stored::NotKnown
                }
            };
            (*id, stored)
        }))
        .await
    }

    async fn carry_out(
        &self,
        advertiser: AdvertiserId,
        before: &Record,
        new: Option<&NewToken>,
        decisions: Vec<(AccountId, TokenFingerprint, Decision)>,
    ) -> Vec<(AccountId, Health)> {
        let changes = decisions.iter().any(|(_, _, decision)| matches!(decision, Decision::Revive | Decision::Replace));
        let left = |decision: &Decision| match decision {
            Decision::Leave(health) => *health,
            Decision::Revive | Decision::Replace => Health::NotSaved,
        };
        let (true, Some(new)) = (changes, new) else {
            return decisions.iter().map(|(account, _, decision)| (*account, left(decision))).collect();
        };
        let change = |record: &mut Record| apply(record, &decisions, &new.accepted, now_ms());
        let written = timeout_at(self.deadline, self.app.secrets.update(advertiser, change)).await;
        let became = match written {
            Ok(Ok((_, became))) => became,
            Ok(Err(error)) => {
                self.note(Some(&error));
                vec![None; decisions.len()]
            }
            Err(_) => {
                self.note(Some(&"no time left to save a connection"));
                vec![None; decisions.len()]
            }
        };
        decisions
            .iter()
            .zip(became)
            .map(|((account, _, decision), became)| {
                let health = became.and_then(|became| health_after(became, before.get(*account)));
                if let (Some(Health::FlowsAgain { .. }), Some(became)) = (health, became) {
                    log(advertiser, *account, before.get(*account), became);
                }
                (*account, health.unwrap_or_else(|| left(decision)))
            })
            .collect()
    }
}

/// The stored tokens of `user`.
fn in_use(records: &HashMap<AdvertiserId, Arc<Record>>, user: &UserId) -> BTreeMap<TokenFingerprint, InUse> {
    let mut tokens: BTreeMap<_, InUse> = BTreeMap::new();
    for (advertiser, record) in records {
        for (_, connection) in record.connections_of(user) {
            let token = tokens.entry(connection.fingerprint).or_insert_with(|| InUse {
                token: connection.token.clone(),
                advertisers: Vec::new(),
                has_stopped: false,
            });
            token.has_stopped |= !connection.state.is_active();
            if !token.advertisers.contains(advertiser) {
                token.advertisers.push(*advertiser);
            }
        }
    }
    tokens
}

fn decisions(
    advertiser: AdvertiserId,
    record: &Record,
    new: Option<&NewToken>,
    answers: &Answers,
) -> Vec<(AccountId, TokenFingerprint, Decision)> {
    let replacement = match new {
        Some(new) if !new.listed.contains(&advertiser) => Replacement::NotListed,
        Some(new) if new.may_manage => Replacement::Possible,
        Some(_) | None => Replacement::NotPermitted,
    };
    let decision = |connection: &Connection| {
        let of_user = new.map(|new| connection.user == new.accepted.user);
        let stored = answers.get(&(connection.fingerprint, advertiser)).copied().unwrap_or(Stored::NotKnown);
        decide(connection.state.is_active(), of_user, stored, replacement)
    };
    record.connections().map(|(account, one)| (account, one.fingerprint, decision(one))).collect()
}

/// Applies the decisions to the record as it is by now: what another writer changed meanwhile stays.
fn apply(
    record: &mut Record,
    decisions: &[(AccountId, TokenFingerprint, Decision)],
    new: &Accepted,
    now_ms: i64,
) -> Vec<Option<Became>> {
    let apply = |(account, fingerprint, decision): &(AccountId, TokenFingerprint, Decision)| match decision {
        Decision::Leave(_) => None,
        Decision::Revive => Some(record.revive(*account, *fingerprint, now_ms)),
        Decision::Replace => Some(record.replace_refused(*account, *fingerprint, new, now_ms)),
    };
    decisions.iter().map(apply).collect()
}

/// How a connection is after it was written; `before`: as it was read.
fn health_after(became: Became, before: Option<&Connection>) -> Option<Health> {
    match became {
        Became::Replaced | Became::Revived(_) => {
            let was_suspended = before.is_some_and(|connection| connection.state.is_dead());
            Some(Health::FlowsAgain { was_suspended })
        }
        // Another writer was first: it has a token that TikTok accepted since.
        Became::Unchanged | Became::Created => Some(Health::Flows),
        Became::Refused | Became::Dead => None,
    }
}

fn log(advertiser: AdvertiserId, account: AccountId, before: Option<&Connection>, became: Became) {
    let how = match became {
        Became::Revived(how) => how.word(),
        Became::Replaced | Became::Created | Became::Unchanged | Became::Refused | Became::Dead => {
            How::NewToken(connections::Source::Page).word()
        }
    };
    let was = before.map(|connection| connection.state.word());
    tracing::info!(%advertiser, %account, how, was, "a connection works again after an authorization");
}

/// Whether a failure says that the token is refused, rather than that nobody knows.
const fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.meaning, Meaning::Reauthorize | Meaning::NotPermitted | Meaning::Missing)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
