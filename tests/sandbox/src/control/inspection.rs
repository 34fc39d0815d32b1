//! The journal and the rules: what TikTok was asked, and how strict it is.

use std::time::Duration;

use reqwest::Method;

use super::messages::Number;
use super::{Control, Result};
use crate::journal::{Entry, Query};
use crate::rules::{RateLimits, Rules};

/// Each call fails with [`ControlError`](super::ControlError) when the sandbox cannot be reached or says no.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl Control {
    /// Every call so far, oldest first.
    pub async fn journal(&self) -> Result<Vec<Entry>> {
        self.value(self.get("journal")).await
    }

    /// The calls that name an advertiser.
    pub async fn journal_of(&self, advertiser_id: &str) -> Result<Vec<Entry>> {
        self.value(self.get("journal").query(&[("advertiser_id", advertiser_id)])).await
    }

    /// The calls that a query asks for, oldest first; waits for one if the query says so.
    pub async fn calls(&self, query: &Query) -> Result<Vec<Entry>> {
        self.value(self.get("journal").query(query)).await
    }

    /// The first answered call that a query asks for; `None` if there is none within this time.
    pub async fn next_call(&self, query: &Query, within: Duration) -> Result<Option<Entry>> {
        let wait_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let query = Query { answered: true, wait_ms, ..query.clone() };
        Ok(self.calls(&query).await?.into_iter().next())
    }

    /// The number of the newest call: a place in the journal to ask from; 0 if there was none yet.
    pub async fn last_call(&self) -> Result<u64> {
        let last: Number = self.value(self.get("journal/last")).await?;
        Ok(last.number)
    }

    /// Empties the journal.
    pub async fn clear_journal(&self) -> Result<()> {
        self.done(self.delete("journal")).await
    }

    /// The rules as they are.
    pub async fn rules(&self) -> Result<Rules> {
        self.value(self.get("rules")).await
    }

    /// Changes the rules for everybody, and forgets the calls counted so far. The first app keeps its id and secret: see `set_app`.
    /// Advertisers with rules of their own keep them.
    pub async fn set_rules(&self, rules: &Rules) -> Result<()> {
        self.done(self.send(Method::PUT, "rules", rules)).await
    }

    /// Changes only the rate limits of apps and of advertisers.
    pub async fn set_limits(&self, app: RateLimits, advertiser: RateLimits) -> Result<()> {
        let rules = self.rules().await?;
        self.set_rules(&Rules { app_limits: app, advertiser_limits: advertiser, ..rules }).await
    }

    /// The rules for the calls that name an advertiser: its own, or those for everybody.
    pub async fn rules_of(&self, advertiser_id: &str) -> Result<Rules> {
        self.value(self.get(&format!("advertisers/{advertiser_id}/rules"))).await
    }

    /// Gives an advertiser rules of its own, and forgets the calls counted for it. The rules of apps, tokens and request bodies are
    /// everybody's: see README.md.
    pub async fn set_rules_of(&self, advertiser_id: &str, rules: &Rules) -> Result<()> {
        self.done(self.send(Method::PUT, &format!("advertisers/{advertiser_id}/rules"), rules)).await
    }

    /// Takes an advertiser's own rules away.
    pub async fn clear_rules_of(&self, advertiser_id: &str) -> Result<()> {
        self.done(self.delete(&format!("advertisers/{advertiser_id}/rules"))).await
    }
}
