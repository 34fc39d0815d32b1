//! `GET /dmp/custom_audience/list/` and `/get/`: the audiences of an advertiser, as TikTok lists them. Reads only.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::Need;
use crate::answer::{Done, Outcome, Refusal, shown_as};
use crate::clock;
use crate::rules::Rules;
use crate::world::{Audience, World};

/// The query of `/dmp/custom_audience/list/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    pub(crate) advertiser_id: String,
    #[serde(default = "first_page")]
    page: usize,
    #[serde(default = "page_size")]
    page_size: usize,
    /// Leaves out, when true, what others made and shared.
    #[serde(default)]
    is_creator: bool,
}

/// The query of `/dmp/custom_audience/get/`; `custom_audience_ids` is a JSON array.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Get {
    pub(crate) advertiser_id: String,
    custom_audience_ids: String,
}

const fn first_page() -> usize {
    1
}

const fn page_size() -> usize {
    10
}

impl List {
    pub(crate) fn carry_out(&self, rules: &Rules, world: &World, token: Option<&str>, now_ms: u64) -> Outcome {
        world.permit(rules, world.bearer(token)?, &self.advertiser_id, Need::ReadAudiences)?;
        if self.page == 0 || !(1..=100).contains(&self.page_size) {
            return Err(Refusal::parameter("page is 1 or more, page_size 1 to 100."));
        }
        let mut audiences: Vec<(&String, &Audience)> = world
            .audiences
            .iter()
            .filter(|(_, audience)| audience.advertiser_id == self.advertiser_id)
            .filter(|(_, audience)| is_listed(rules, audience, now_ms))
            .filter(|(_, audience)| !(self.is_creator && audience.shared))
            .collect();
        // The newest first, as in TikTok's own list.
        audiences.sort_by_key(|(id, audience)| std::cmp::Reverse((audience.created_ms, *id)));
        let rows: Vec<Value> = audiences
            .iter()
            .skip((self.page - 1).saturating_mul(self.page_size))
            .take(self.page_size)
            .map(|(id, audience)| row(rules, id, audience, now_ms))
            .collect();
        Ok(Done::Completely(json!({
            "list": rows,
            "page_info": {
                "page": self.page,
                "page_size": self.page_size,
                "total_number": audiences.len(),
                "total_page": audiences.len().div_ceil(self.page_size),
            },
        })))
    }
}

impl Get {
    pub(crate) fn carry_out(&self, rules: &Rules, world: &World, token: Option<&str>, now_ms: u64) -> Outcome {
        world.permit(rules, world.bearer(token)?, &self.advertiser_id, Need::ReadAudiences)?;
        let ids: Vec<String> = serde_json::from_str(&self.custom_audience_ids)
            .map_err(|_| Refusal::parameter("custom_audience_ids is not a JSON array of strings."))?;
        if ids.is_empty() || ids.len() > 100 {
            return Err(Refusal::parameter("custom_audience_ids takes 1 to 100 ids."));
        }
        let rows: Result<Vec<Value>, Refusal> = ids
            .iter()
            .map(|id| {
                world
                    .audiences
                    .get(id)
                    .filter(|audience| audience.advertiser_id == self.advertiser_id)
                    .filter(|audience| is_listed(rules, audience, now_ms))
                    .map(|audience| json!({ "audience_details": row(rules, id, audience, now_ms) }))
                    .ok_or_else(|| Refusal::missing("audience", id))
            })
            .collect();
        Ok(Done::Completely(json!({ "list": rows? })))
    }
}

/// Whether the list has caught up with an audience's creation, and not yet with its deletion.
fn is_listed(rules: &Rules, audience: &Audience, now_ms: u64) -> bool {
    now_ms >= audience.created_ms + rules.creation_shows_after_ms
        && audience.deleted_ms.is_none_or(|deleted| now_ms < deleted + rules.deletion_shows_after_ms)
}

fn row(rules: &Rules, audience_id: &str, audience: &Audience, now_ms: u64) -> Value {
    let expired = audience.is_expired(now_ms);
    let row = json!({
        "audience_id": audience_id,
        "name": audience.name,
        "audience_type": audience.kind_name(rules),
        "cover_num": audience.cover_num(),
        "is_valid": audience.is_valid(rules, now_ms),
        "is_expiring": audience.is_expiring(now_ms),
        "expired_time": clock::text(audience.expires_ms),
        "create_time": clock::text(audience.created_ms),
        "error_msg": if expired { "The audience has expired." } else { "" },
    });
    shown_as(row, audience.shown_as.as_ref())
}
