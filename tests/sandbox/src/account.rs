//! `GET /advertiser/info/` and `GET /user/info/`: what a token's holder may know of accounts and of themselves.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::Need;
use crate::answer::{Done, Outcome, Refusal, shown_as};
use crate::rules::{Rules, Unreached};
use crate::world::{Advertiser, World};

/// The query of `/advertiser/info/`; both are JSON arrays in text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Info {
    advertiser_ids: String,
    fields: Option<String>,
}

impl Info {
    /// The advertisers asked for, as far as they can be read.
    pub(crate) fn advertisers(&self) -> Vec<String> {
        serde_json::from_str(&self.advertiser_ids).unwrap_or_default()
    }

    pub(crate) fn carry_out(&self, rules: &Rules, world: &World, token: Option<&str>) -> Outcome {
        let grant = world.bearer(token)?;
        let ids = strings("advertiser_ids", &self.advertiser_ids)?;
        if ids.is_empty() || ids.len() > 100 {
            return Err(Refusal::parameter("advertiser_ids takes 1 to 100 ids."));
        }
        let fields = self.fields.as_deref().map(|text| strings("fields", text)).transpose()?;
        grant.covers(Need::ReadAccount)?;
        let mut list = Vec::with_capacity(ids.len());
        for id in &ids {
            match (world.permit(rules, grant, id, Need::ReadAccount), rules.unreached_advertisers) {
                (Ok(advertiser), _) => list.push(account(advertiser, fields.as_deref())?),
                (Err(_), Unreached::LeaveOut) => {}
                (Err(refusal), Unreached::Refuse) => return Err(refusal),
            }
        }
        Ok(Done::Completely(json!({ "list": list })))
    }
}

/// `/user/info/`, which has no parameters.
pub(crate) fn user(world: &World, token: Option<&str>) -> Outcome {
    let grant = world.bearer(token)?;
    let person = world
        .person(&grant.core_user_id)
        .ok_or_else(|| Refusal::new(40106, "The user of the token does not exist."))?;
    let info = json!({
        "core_user_id": person.core_user_id,
        "display_name": person.display_name,
        "email": person.email,
        "avatar_url": person.avatar_url,
        "create_time": 1_600_000_000,
    });
    Ok(Done::Completely(shown_as(info, person.shown_as.as_ref())))
}

fn strings(name: &str, text: &str) -> Result<Vec<String>, Refusal> {
    serde_json::from_str(text).map_err(|_| Refusal::parameter(format!("{name} is not a JSON array of strings.")))
}

/// The row of an advertiser, with only the fields asked for; an unknown one is an error.
fn account(advertiser: &Advertiser, fields: Option<&[String]>) -> Result<Value, Refusal> {
    let all = [
        ("advertiser_id", &*advertiser.advertiser_id),
        ("name", &*advertiser.name),
        ("role", &*advertiser.kind),
        ("status", &*advertiser.status),
        ("currency", "EUR"),
        ("timezone", "Europe/Berlin"),
        ("owner_bc_id", &*advertiser.business_center),
    ];
    let unknown = |field: &&String| all.iter().all(|(name, _)| name != field);
    if let Some(unknown) = fields.into_iter().flatten().find(unknown) {
        return Err(Refusal::parameter(format!("fields: {unknown} is unknown.")));
    }
    let row = all.into_iter().map(|(field, value)| (field.to_owned(), json!(value))).collect();
    let mut row = shown_as(Value::Object(row), advertiser.shown_as.as_ref());
    if let (Value::Object(row), Some(fields)) = (&mut row, fields) {
        row.retain(|field, _| fields.contains(field));
    }
    Ok(row)
}
