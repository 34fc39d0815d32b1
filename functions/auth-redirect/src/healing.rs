//! Doing the authorization again heals what had stopped: asks TikTok with the stored tokens, and writes what `repair` decides.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use connections::{Became, Connection, How, Record, Source, UserId};
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use ids::{AccountId, AdvertiserId, TokenFingerprint};
use secrecy::SecretString;
use startup::clock::now_ms;
use tiktok::Acceptance;
use tokio::time::timeout_at;

use crate::checks::Checks;
use crate::findings::Health;
use crate::repair::{Answers, Decided, Decision, NewToken, Stored, apply, decisions, health_after};

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
        if advertisers.len() == 1 {
            return self.one_by_one(token, advertisers).await;
        }
        match self.lives(token).await {
            Stored::Accepted => {}
            stored @ (Stored::Refused | Stored::NotKnown) => return all(stored),
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
            Err(failure) if failure.meaning.refuses_token() => self.one_by_one(token, advertisers).await,
            Err(failure) => {
                self.note(Some(&failure));
                all(Stored::NotKnown)
            }
        }
    }

    /// Whether a token lives at all.
    async fn lives(&self, token: &SecretString) -> Stored {
        if !self.turn(self.deadline).await {
            return Stored::NotKnown;
        }
        match self.call(self.client.user(token)).await {
            Ok(_) => Stored::Accepted,
            Err(failure) if failure.meaning.refuses_token() => Stored::Refused,
            Err(failure) => {
                self.note(Some(&failure));
                Stored::NotKnown
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
        decided: Vec<Decided>,
    ) -> Vec<(AccountId, Health)> {
        let changes = decided.iter().any(|one| matches!(one.decision, Decision::Revive | Decision::Replace));
        let became = match new {
            Some(new) if changes => self.write(advertiser, &decided, new).await,
            Some(_) | None => None,
        };
        let became = became.unwrap_or_else(|| vec![None; decided.len()]);
        let healths = decided.iter().zip(became).map(|(one, became)| {
            let was = before.get(one.account);
            let health = became.and_then(|became| health_after(became, was));
            if let (Some(Health::FlowsAgain { .. }), Some(became)) = (health, became) {
                log(advertiser, one.account, was, became);
            }
            (one.account, health.unwrap_or_else(|| one.decision.unwritten()))
        });
        healths.collect()
    }

    /// Writes what was decided; `None` if that failed.
    async fn write(
        &self,
        advertiser: AdvertiserId,
        decided: &[Decided],
        new: &NewToken,
    ) -> Option<Vec<Option<Became>>> {
        let change = |record: &mut Record| apply(record, decided, &new.accepted, now_ms());
        match timeout_at(self.deadline, self.app.secrets.update(advertiser, change)).await {
            Ok(Ok((_, became))) => Some(became),
            Ok(Err(error)) => {
                self.note(Some(&error));
                None
            }
            Err(_) => {
                self.note(Some(&"no time left to save a connection"));
                None
            }
        }
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

fn log(advertiser: AdvertiserId, account: AccountId, before: Option<&Connection>, became: Became) {
    let how = match became {
        Became::Revived(how) => how.word(),
        Became::Replaced | Became::Created | Became::Unchanged | Became::Refused | Became::Dead => {
            How::NewToken(Source::Page).word()
        }
    };
    let was = before.map(|connection| connection.state.word());
    tracing::info!(%advertiser, %account, how, was, "a connection works again after an authorization");
}
