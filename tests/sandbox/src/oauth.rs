//! `/oauth2/…`: codes exchanged, tokens revoked, and the advertisers that a token covers.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Done, Outcome, Refusal, shown_as};
use crate::rules::Rules;
use crate::world::World;

/// The body of `POST /oauth2/access_token/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    pub(crate) app_id: String,
    secret: String,
    auth_code: String,
    return_advertiser_ids: Option<bool>,
}

/// The body of `POST /oauth2/revoke_token/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revocation {
    pub(crate) app_id: String,
    secret: String,
    access_token: String,
}

/// The query of `GET /oauth2/advertiser/get/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advertisers {
    pub(crate) app_id: String,
    secret: String,
}

impl Exchange {
    /// A code is spent by a token alone: whatever is refused, by a limit, a fault or for a wrong secret, leaves it unspent.
    pub(crate) fn carry_out(&self, rules: &Rules, world: &mut World, now_ms: u64) -> Outcome {
        world.app(&self.app_id, &self.secret)?;
        let code = world
            .codes
            .get(&self.auth_code)
            .filter(|code| code.grant.app_id == self.app_id && now_ms < code.expires_ms)
            .cloned()
            .ok_or_else(|| Refusal::new(40110, "Auth_code is invalid, used or expired."))?;
        world.codes.remove(&self.auth_code);
        let advertiser_ids =
            if self.return_advertiser_ids.unwrap_or(true) { code.grant.advertisers.clone() } else { Vec::new() };
        let scope = code.grant.scopes.clone();
        let access_token = world.add_token(rules, code.grant);
        Ok(Done::Completely(json!({
            "access_token": access_token,
            "advertiser_ids": advertiser_ids,
            "scope": scope,
        })))
    }
}

impl Revocation {
    pub(crate) fn carry_out(&self, world: &mut World) -> Outcome {
        world.app(&self.app_id, &self.secret)?;
        let grant = world
            .tokens
            .get(&self.access_token)
            .ok_or_else(|| Refusal::new(40105, "Access token is incorrect or has been revoked."))?;
        if grant.app_id != self.app_id {
            return Err(inconsistent());
        }
        world.tokens.remove(&self.access_token);
        Ok(Done::Completely(json!({})))
    }
}

impl Advertisers {
    pub(crate) fn carry_out(&self, world: &World, token: Option<&str>) -> Outcome {
        world.app(&self.app_id, &self.secret)?;
        let grant = world.bearer(token)?;
        if grant.app_id != self.app_id {
            return Err(inconsistent());
        }
        let reached = world.person(&grant.core_user_id).map_or(&[][..], |person| &person.advertisers);
        let list: Vec<Value> = grant
            .advertisers
            .iter()
            .filter(|id| reached.contains(id))
            .filter_map(|id| world.advertisers.get(id))
            .map(|advertiser| {
                let row = json!({
                    "advertiser_id": advertiser.advertiser_id,
                    "advertiser_name": advertiser.name,
                });
                shown_as(row, advertiser.shown_as.as_ref())
            })
            .collect();
        Ok(Done::Completely(json!({ "list": list })))
    }
}

fn inconsistent() -> Refusal {
    Refusal::new(40000, "The app_id is inconsistent with the app of the access token.")
}
