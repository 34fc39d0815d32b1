//! Calls that look at what TikTok holds and was asked, and that make it misbehave: audiences, poison, journal, faults, rules.

use std::collections::BTreeMap;

use reqwest::Method;

use super::messages::{AudienceId, AudienceView, InUse, NewAudience, Number, Poison};
use super::{Control, Result};
use crate::fault::Fault;
use crate::journal::Entry;
use crate::member::IdKind;
use crate::rules::{RateLimits, Rules};

/// Each call fails with [`ControlError`](super::ControlError) when the sandbox cannot be reached or says no.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl Control {
    /// Makes an audience, of any type, without the product's knowing.
    pub async fn create_audience(&self, audience: &NewAudience) -> Result<String> {
        let made: AudienceId = self.value(self.post("audiences", audience)).await?;
        Ok(made.audience_id)
    }

    /// The audiences of an advertiser, deleted ones included.
    pub async fn audiences(&self, advertiser_id: &str) -> Result<Vec<AudienceView>> {
        self.value(self.get("audiences").query(&[("advertiser_id", advertiser_id)])).await
    }

    /// Deletes an audience behind the product's back.
    pub async fn delete_audience(&self, audience_id: &str) -> Result<()> {
        self.done(self.delete(&format!("audiences/{audience_id}"))).await
    }

    /// Says whether an active campaign uses an audience.
    pub async fn set_in_use(&self, audience_id: &str, in_use: bool) -> Result<()> {
        self.done(self.send(Method::PATCH, &format!("audiences/{audience_id}"), &InUse { in_use })).await
    }

    /// Who is in an audience: sorted hashes by id type; a type without members is left out.
    pub async fn members(&self, audience_id: &str) -> Result<BTreeMap<IdKind, Vec<String>>> {
        self.value(self.get(&format!("audiences/{audience_id}/members"))).await
    }

    /// Makes a hash spoil every mapping call that carries it.
    pub async fn poison(&self, id: &str, code: u32, message: &str) -> Result<()> {
        let poison = Poison { id: id.to_owned(), code, message: message.to_owned() };
        self.done(self.post("poison", &poison)).await
    }

    /// Takes the poison out of all hashes.
    pub async fn clear_poison(&self) -> Result<()> {
        self.done(self.delete("poison")).await
    }

    /// Every call so far, oldest first.
    pub async fn journal(&self) -> Result<Vec<Entry>> {
        self.value(self.get("journal")).await
    }

    /// The calls that name an advertiser.
    pub async fn journal_of(&self, advertiser_id: &str) -> Result<Vec<Entry>> {
        self.value(self.get("journal").query(&[("advertiser_id", advertiser_id)])).await
    }

    /// Empties the journal.
    pub async fn clear_journal(&self) -> Result<()> {
        self.done(self.delete("journal")).await
    }

    /// Sets a fault and returns its number.
    pub async fn fault(&self, fault: Fault) -> Result<u64> {
        let made: Number = self.value(self.post("faults", &fault)).await?;
        Ok(made.number)
    }

    /// The faults still set, with their counts as they are now.
    pub async fn faults(&self) -> Result<Vec<Fault>> {
        self.value(self.get("faults")).await
    }

    /// Takes one fault back; fails if it has run out already.
    pub async fn clear_fault(&self, number: u64) -> Result<()> {
        self.done(self.delete(&format!("faults/{number}"))).await
    }

    /// Takes all faults back.
    pub async fn clear_faults(&self) -> Result<()> {
        self.done(self.delete("faults")).await
    }

    /// The rules as they are.
    pub async fn rules(&self) -> Result<Rules> {
        self.value(self.get("rules")).await
    }

    /// Changes the rules, and forgets the calls counted so far. The first app keeps its id and secret: see `set_app`.
    pub async fn set_rules(&self, rules: &Rules) -> Result<()> {
        self.done(self.send(Method::PUT, "rules", rules)).await
    }

    /// Changes only the rate limits of apps and of advertisers.
    pub async fn set_limits(&self, app: RateLimits, advertiser: RateLimits) -> Result<()> {
        let rules = self.rules().await?;
        self.set_rules(&Rules { app_limits: app, advertiser_limits: advertiser, ..rules }).await
    }
}
