//! A batch of queue messages: what each says, by which connection it goes, and when it may be given up.

use std::collections::HashMap;
use std::sync::Arc;

use envelope::{Envelope, ReadError};
use futures::{StreamExt, stream};
use hashed_id::Dropped;
use ids::{AdvertiserId, TokenFingerprint};
use secrets::{Record, Secrets};

use crate::connection::{Connection, SUSPENDED};
use crate::event::Event;
use crate::outcome::Reason;
use crate::plan::{Counts, Limits, Plan, Planner, Route};

/// Records that are read at once.
const PARALLEL_READS: usize = 16;

/// What is to be done with a message.
#[derive(Debug)]
pub enum Disposition {
    /// Its changes are in the plan.
    Planned,
    /// None of it can be done now.
    Waits(Arc<Reason>),
    /// It can never be read.
    Unreadable(Arc<Reason>),
}

/// A batch, ready to be sent.
#[derive(Debug)]
pub struct Batch {
    /// By the index of the message in the event.
    pub dispositions: Vec<Disposition>,
    /// By the number in [`Route`].
    pub connections: Vec<Connection>,
    /// How many connections have no living token.
    pub suspended: usize,
    /// What to send.
    pub plan: Plan,
}

/// The connections of a batch, numbered, and the pools in which their changes supersede one another.
#[derive(Default)]
struct Routes {
    connections: Vec<Connection>,
    of: HashMap<(AdvertiserId, TokenFingerprint), Result<Route, Arc<Reason>>>,
    pools: HashMap<(AdvertiserId, Option<TokenFingerprint>), u32>,
}

impl Batch {
    /// Reads the messages of `event` and plans what can be sent now.
    pub async fn read(event: &Event<'_>, secrets: &Secrets, limits: Limits) -> Self {
        let envelopes: Vec<_> = event.messages.iter().map(|message| Envelope::read(&message.body)).collect();
        let records = records(&envelopes, secrets).await;
        let mut routes = Routes::default();
        let mut planner = Planner::new(limits);
        let mut dispositions = Vec::with_capacity(envelopes.len());
        for (message, envelope) in (0..).zip(&envelopes) {
            dispositions.push(match envelope {
                Ok(envelope) => match routes.find(envelope.advertiser, envelope.token, &records).await {
                    Ok(route) => {
                        planner.add(message, route, envelope);
                        Disposition::Planned
                    }
                    Err(reason) => Disposition::Waits(reason),
                },
                Err(error) => {
                    let word = match error {
                        ReadError::Unreadable { .. } => "unreadable",
                        ReadError::Version(_) => "version",
                    };
                    tracing::error!(reason = word, "a queue message goes to the dead-letter queue: {error}");
                    Disposition::Unreadable(Reason::new(word, error.to_string()))
                }
            });
        }
        let plan = planner.plan();
        count(&plan.counts);
        let suspended =
            routes.of.values().filter(|route| route.as_ref().is_err_and(|reason| reason.word == SUSPENDED)).count();
        Self { dispositions, connections: routes.connections, suspended, plan }
    }
}

impl Routes {
    async fn find(
        &mut self,
        advertiser: AdvertiserId,
        token: TokenFingerprint,
        records: &HashMap<AdvertiserId, Result<Arc<Record>, Arc<Reason>>>,
    ) -> Result<Route, Arc<Reason>> {
        if let Some(found) = self.of.get(&(advertiser, token)) {
            return found.clone();
        }
        let route = match records.get(&advertiser) {
            Some(Ok(record)) => self.add(Connection::new(advertiser, token, record)).await,
            Some(Err(reason)) => Err(Arc::clone(reason)),
            None => Err(Reason::new("secrets", "the advertiser's record was not read")),
        };
        self.of.insert((advertiser, token), route.clone());
        route
    }

    async fn add(&mut self, connection: Connection) -> Result<Route, Arc<Reason>> {
        let token = connection.token().await?;
        let own = (!token.verified).then_some(connection.fingerprint);
        let pools = number(self.pools.len());
        let pool = *self.pools.entry((connection.advertiser, own)).or_insert(pools);
        self.connections.push(connection);
        Ok(Route { pool, connection: number(self.connections.len() - 1) })
    }
}

/// The record of each advertiser in the batch, each read once.
async fn records(
    envelopes: &[Result<Envelope<'_>, ReadError>],
    secrets: &Secrets,
) -> HashMap<AdvertiserId, Result<Arc<Record>, Arc<Reason>>> {
    let mut advertisers: Vec<_> = envelopes.iter().flatten().map(|envelope| envelope.advertiser).collect();
    advertisers.sort_unstable();
    advertisers.dedup();
    stream::iter(advertisers)
        .map(|advertiser| async move {
            let record = secrets.record(advertiser).await.map_err(|error| {
                tracing::error!(%advertiser, %error, "an advertiser's tokens could not be read; its changes wait");
                Reason::new("secrets", error.to_string())
            });
            (advertiser, record)
        })
        .buffer_unordered(PARALLEL_READS)
        .collect()
        .await
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn count(counts: &Counts) {
    let Counts { users, users_without_id, nil, malformed, encoding, superseded } = *counts;
    metrics::counter!("users_received").increment(users);
    metrics::counter!("users_without_id").increment(users_without_id);
    metrics::counter!("ids_dropped", "reason" => Dropped::Nil.reason()).increment(nil);
    metrics::counter!("ids_dropped", "reason" => Dropped::Malformed.reason()).increment(malformed);
    metrics::counter!("ids_dropped", "reason" => Dropped::Encoding.reason()).increment(encoding);
    metrics::counter!("changes_superseded").increment(superseded);
}
