//! Doing the authorization again heals what had stopped: asks TikTok with the stored tokens, and writes what `decide` says.

mod decide;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use connections::{Connection, Record, RevivedBy, Source, Transition, UserId};
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use ids::{AccountId, AdvertiserId, TokenFingerprint};
use secrecy::SecretString;
use startup::clock::now_ms;
use tiktok::Acceptance;
use tokio::time::timeout_at;

use crate::checks::Checks;
use crate::findings::Health;
use decide::{Decided, Decision, StoredToken, StoredTokens, Written, apply, decisions, health_after};

pub(crate) use decide::NewToken;

/// Records written at a time.
const WRITES_AT_ONCE: usize = 8;

/// A stored token of this user, and the advertisers whose connections use it.
struct InUse {
    token: SecretString,
    advertisers: Vec<AdvertiserId>,
    /// One of the connections has stopped.
    has_stopped: bool,
}

impl Checks<'_> {
    /// Heals what may be healed, and says how each connection is.
    pub(crate) async fn heal(
        &self,
        records: &HashMap<AdvertiserId, Arc<Record>>,
        new: Option<&NewToken>,
    ) -> HashMap<AdvertiserId, Vec<(AccountId, Health)>> {
        let answers = match new {
            Some(new) => self.ask_stored(records, new).await,
            None => StoredTokens::new(),
        };
        let healed = records.iter().map(|(advertiser, record)| {
            let decisions = decisions(*advertiser, record, new, &answers);
            async move { (*advertiser, self.carry_out(*advertiser, record, new, decisions).await) }
        });
        stream::iter(healed.collect::<Vec<_>>()).buffer_unordered(WRITES_AT_ONCE).collect().await
    }

    /// Asks TikTok with each stored token of this user, those of stopped connections first.
    async fn ask_stored(&self, records: &HashMap<AdvertiserId, Arc<Record>>, new: &NewToken) -> StoredTokens {
        let mut in_use: Vec<_> = in_use(records, &new.accepted.user).into_iter().collect();
        in_use.sort_by_key(|(fingerprint, token)| (!token.has_stopped, *fingerprint));
        let own = new.accepted.fingerprint();
        let asked = join_all(in_use.iter().map(|(fingerprint, token)| async {
            let answers = if *fingerprint == own {
                let stored = |id| if new.listed.contains(&id) { StoredToken::Accepted } else { StoredToken::NotKnown };
                token.advertisers.iter().map(|id| (*id, stored(*id))).collect()
            } else {
                self.ask(&token.token, &token.advertisers).await
            };
            answers.into_iter().map(|(id, stored)| ((*fingerprint, id), stored)).collect::<Vec<_>>()
        }));
        asked.await.into_iter().flatten().collect()
    }

    /// What TikTok says of a stored token: two calls for all its advertisers, and one by one only where those do not tell.
    async fn ask(&self, token: &SecretString, advertisers: &[AdvertiserId]) -> Vec<(AdvertiserId, StoredToken)> {
        let all = |stored| advertisers.iter().map(|id| (*id, stored)).collect::<Vec<_>>();
        if advertisers.len() == 1 {
            return self.one_by_one(token, advertisers).await;
        }
        match self.token_alone(token).await {
            StoredToken::Accepted => {}
            stored @ (StoredToken::Refused | StoredToken::NotKnown) => return all(stored),
        }
        if !self.turn(self.deadline).await {
            return all(StoredToken::NotKnown);
        }
        match self.call(self.client.advertisers(token, advertisers)).await {
            Ok(listed) => {
                let listed: HashSet<_> = listed.iter().map(|one| one.advertiser_id).collect();
                let stored = |id| if listed.contains(&id) { StoredToken::Accepted } else { StoredToken::Refused };
                advertisers.iter().map(|id| (*id, stored(*id))).collect()
            }
            Err(failure) if failure.meaning.refuses_token() => self.one_by_one(token, advertisers).await,
            Err(failure) => {
                self.note(&failure);
                all(StoredToken::NotKnown)
            }
        }
    }

    /// Whether TikTok accepts a token, for whichever advertiser.
    async fn token_alone(&self, token: &SecretString) -> StoredToken {
        if !self.turn(self.deadline).await {
            return StoredToken::NotKnown;
        }
        match self.call(self.client.user(token)).await {
            Ok(_) => StoredToken::Accepted,
            Err(failure) if failure.meaning.refuses_token() => StoredToken::Refused,
            Err(failure) => {
                self.note(&failure);
                StoredToken::NotKnown
            }
        }
    }

    async fn one_by_one(&self, token: &SecretString, advertisers: &[AdvertiserId]) -> Vec<(AdvertiserId, StoredToken)> {
        join_all(advertisers.iter().map(|id| async {
            // Two calls.
            if !self.turn(self.deadline).await || !self.turn(self.deadline).await {
                return (*id, StoredToken::NotKnown);
            }
            let stored = match self.call(self.client.accepts(token, *id)).await {
                Ok(Acceptance::Accepted { .. }) => StoredToken::Accepted,
                Ok(Acceptance::Refused(_)) => StoredToken::Refused,
                Err(failure) => {
                    self.note(&failure);
                    StoredToken::NotKnown
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
        decided: Vec<Decided>,
    ) -> Vec<(AccountId, Health)> {
        let changes = decided.iter().any(|one| matches!(one.decision, Decision::Revive | Decision::Replace));
        let written = match new {
            Some(new) if changes => self.write(advertiser, &decided, new).await,
            Some(_) | None => None,
        };
        let healths = decided.iter().filter_map(|one| {
            let unwritten = Some((one.account, one.decision.unwritten()));
            let Some((after, transitions)) = &written else { return unwritten };
            let Some(transition) = transitions.get(&one.account).copied() else { return unwritten };
            let was = before.get(one.account);
            let health = health_after(transition, was, after.get(one.account))?;
            if health.works_again() {
                log(advertiser, one.account, was, transition);
            }
            Some((one.account, health))
        });
        healths.collect()
    }

    /// Writes what was decided, and returns the record as it is then; `None`, and nothing written, if that fails.
    async fn write(
        &self,
        advertiser: AdvertiserId,
        decided: &[Decided],
        new: &NewToken,
    ) -> Option<(Arc<Record>, Written)> {
        let change = |record: &mut Record| apply(record, decided, &new.accepted, now_ms());
        match timeout_at(self.deadline, self.app.secrets.update(advertiser, change)).await {
            Ok(Ok(written)) => return Some(written),
            Ok(Err(error)) => self.note(&error),
            Err(_) => self.note(&"no time left to save a connection"),
        }
        None
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

fn log(advertiser: AdvertiserId, account: AccountId, before: Option<&Connection>, transition: Transition) {
    let how = match transition {
        Transition::Revived(how) => how.word(),
        Transition::Replaced | Transition::Created | Transition::Unchanged | Transition::Refused | Transition::Dead => {
            RevivedBy::NewToken(Source::Page).word()
        }
    };
    let was = before.map(|connection| connection.state.word());
    tracing::info!(%advertiser, %account, how, was, "a connection works again after an authorization");
}
