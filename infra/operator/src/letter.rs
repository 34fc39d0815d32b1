//! A dead letter, as far as an operator has to know it.

use connections::Record;
use envelope::{Envelope, GroupId};
use ids::{AccountId, AdvertiserId};
use queue::Received;
use serde::Serialize;

use crate::arguments::Filter;
use crate::output::grouped;

/// The word for letters that SQS itself moved, after 1,000 deliveries that ended in crashes: nobody wrote down why.
const MOVED_BY_SQS: &str = "moved_by_sqs";
/// So many characters of an id are shown where there is little room.
const SHORT: usize = 12;

/// A dead letter without its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Letter {
    pub(crate) id: String,
    pub(crate) cause: String,
    pub(crate) code: Option<i64>,
    /// TikTok's words, or the uploader's.
    pub(crate) message: Option<String>,
    pub(crate) tiktok_request_id: Option<String>,
    pub(crate) advertiser: Option<AdvertiserId>,
    pub(crate) account: Option<AccountId>,
    pub(crate) firehose_message_id: Option<String>,
    /// The request of a person to be forgotten that it comes from.
    pub(crate) subject_request_id: Option<String>,
    /// When it was written, in milliseconds since 1970.
    pub(crate) given_up_ms: i64,
    /// When mParticle made the changes, in milliseconds since 1970.
    pub(crate) changed_ms: Option<i64>,
    /// Changes that put an id into an audience.
    pub(crate) adds: u64,
    /// Changes that take an id out of one.
    pub(crate) deletes: u64,
    /// Those of them whose audience has no TikTok audience.
    pub(crate) unmapped: u64,
    /// Ids that are to leave every audience.
    pub(crate) erasures: u64,
    /// Whether this tool can read the changes.
    pub(crate) readable: bool,
}

impl Letter {
    /// What a received message is.
    pub(crate) fn of(received: &Received) -> Self {
        let attribute = |name: &str| received.attributes.get(name).cloned();
        // What SQS moved is in the group of its lane; letters that the uploader wrote name their connection.
        let group = received.group.parse::<GroupId>().ok().map(|group| group.connection);
        let named = |name: &str| received.attributes.get(name).map(String::as_str);
        let mut letter = Self {
            id: attribute("id").unwrap_or_else(|| received.message_id.clone()),
            cause: attribute("cause").unwrap_or_else(|| MOVED_BY_SQS.to_owned()),
            code: named("code").and_then(|code| code.parse().ok()),
            message: attribute("message"),
            tiktok_request_id: attribute("request_id"),
            advertiser: named("advertiser").and_then(|id| id.parse().ok()).or(group.map(|group| group.advertiser)),
            account: named("account").and_then(|id| id.parse().ok()).or(group.map(|group| group.account)),
            firehose_message_id: attribute("firehose_message_id"),
            subject_request_id: attribute("subject_request_id"),
            given_up_ms: received.sent_ms,
            changed_ms: None,
            adds: 0,
            deletes: 0,
            unmapped: 0,
            erasures: 0,
            readable: false,
        };
        if let Ok(envelope) = Envelope::read(&received.body) {
            letter.readable = true;
            letter.changed_ms = Some(envelope.header.changed_ms);
            for row in &envelope.rows {
                letter.erasures += u64::from(row.erase);
                letter.adds += (row.adds.len() + row.unmapped_adds.len()) as u64;
                letter.deletes += (row.deletes.len() + row.unmapped_deletes.len()) as u64;
                letter.unmapped += (row.unmapped_adds.len() + row.unmapped_deletes.len()) as u64;
            }
        }
        letter
    }

    /// Whether `filter` lets it through.
    pub(crate) fn fits(&self, filter: &Filter) -> bool {
        let Filter { cause, advertiser, account, id } = filter;
        cause.as_ref().is_none_or(|cause| *cause == self.cause)
            && advertiser.is_none_or(|advertiser| self.advertiser == Some(advertiser))
            && account.is_none_or(|account| self.account == Some(account))
            && id.as_ref().is_none_or(|id| self.id.starts_with(id.as_str()))
    }

    /// How its id begins: enough to name it.
    pub(crate) fn short_id(&self) -> String {
        self.id.chars().take(SHORT).collect()
    }

    /// Whose it is, in one word.
    pub(crate) fn whose(&self) -> String {
        let part = |id: Option<String>| id.unwrap_or_else(|| "?".to_owned());
        let (advertiser, account) = (self.advertiser.map(|id| id.to_string()), self.account.map(|id| id.to_string()));
        if advertiser.is_none() && account.is_none() {
            return "nobody knows".to_owned();
        }
        format!("{}.{}", part(advertiser), part(account))
    }

    /// What it holds, in words.
    pub(crate) fn content(&self) -> String {
        if !self.readable {
            return "cannot be read".to_owned();
        }
        let unmapped =
            if self.unmapped > 0 { format!(" ({} without an audience)", self.unmapped) } else { String::new() };
        format!("{}{unmapped}", people(self.adds, self.deletes, self.erasures))
    }

    /// Its changes that take people out.
    pub(crate) const fn out(&self) -> u64 {
        self.deletes + self.erasures
    }
}

/// How many go in and out, in words.
pub(crate) fn people(adds: u64, deletes: u64, erasures: u64) -> String {
    let erased = if erasures > 0 { format!(", {} out of every audience", grouped(erasures)) } else { String::new() };
    format!("{} in, {} out{erased}", grouped(adds), grouped(deletes))
}

/// Whether a customer was forgotten after the changes of an envelope were made.
pub(crate) fn is_forgotten(record: Option<&Record>, changed_ms: i64, now_ms: i64) -> bool {
    record.and_then(|record| record.forgotten_ms(now_ms)).is_some_and(|forgotten_ms| changed_ms <= forgotten_ms)
}
