//! `GET /dmp/custom_audience/list/` and `/get/`: the audiences of an advertiser, as TikTok lists them. Reads only.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::Need;
use crate::answer::{Done, Outcome, Refusal};
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
            .filter(|(_, audience)| shows(rules, audience, now_ms))
            .collect();
        // The newest first, as in TikTok's own list.
        audiences.sort_by_key(|(id, audience)| (std::cmp::Reverse(audience.created_ms), *id));
        let rows: Vec<Value> = audiences
            .iter()
            .skip((self.page - 1).saturating_mul(self.page_size))
            .take(self.page_size)
            .map(|(id, audience)| row(id, audience))
            .collect();
        Ok(Done::Whole(json!({
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
                    .filter(|audience| shows(rules, audience, now_ms))
                    .map(|audience| json!({ "audience_details": row(id, audience) }))
                    .ok_or_else(|| Refusal::missing("audience", id))
            })
            .collect();
        Ok(Done::Whole(json!({ "list": rows? })))
    }
}

/// Whether an audience is listed: a deleted one is for a while.
fn shows(rules: &Rules, audience: &Audience, now_ms: u64) -> bool {
    audience.deleted_ms.is_none_or(|deleted| now_ms < deleted + rules.deletion_shows_after_ms)
}

fn row(audience_id: &str, audience: &Audience) -> Value {
    let members: usize = audience.members.values().map(std::collections::HashSet::len).sum();
    json!({
        "audience_id": audience_id,
        "name": audience.name,
        "audience_type": audience.kind,
        "cover_num": members,
        "is_valid": members >= 1000,
        "is_expiring": false,
        "expired_time": clock::text(audience.created_ms + 365 * 86_400_000),
        "create_time": clock::text(audience.created_ms),
        "error_msg": "",
    })
}
