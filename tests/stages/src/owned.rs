//! The same work as one would write it first: structs that own what they hold, derived by serde, maps of the standard library.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use crate::product::{DIVISION, LIMITS};

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    timestamp_ms: i64,
    account: Account,
    user_profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Account {
    account_id: i64,
    account_settings: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Profile {
    mpid: Option<String>,
    #[serde(default)]
    device_identities: Vec<Identity>,
    #[serde(default)]
    audiences: Vec<Audience>,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "type")]
    kind: Kind,
    encoding: Encoding,
    value: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    IosAdvertisingId,
    GoogleAdvertisingId,
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Raw,
    Md5,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Audience {
    audience_subscription_settings: HashMap<String, String>,
    action: Action,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Add,
    Delete,
    #[serde(other)]
    Other,
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    version: u32,
    advertiser: String,
    account: i64,
    changed_ms: i64,
    rows: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    mpid: Option<String>,
    kind: Kind,
    encoding: Encoding,
    value: String,
    adds: Vec<String>,
    deletes: Vec<String>,
}

#[derive(Serialize)]
struct Body {
    advertiser_ids: Vec<String>,
    action: Action,
    id_schema: Vec<String>,
    batch_data: Vec<Vec<Slot>>,
}

#[derive(Serialize, Default)]
struct Slot {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience_ids: Option<Vec<String>>,
}

/// The most rows of an envelope, at about 200 bytes each.
const ROWS: usize = DIVISION.max_bytes / 200;

/// The id as TikTok takes it; `None` for one that is not uploaded.
fn hashed(encoding: Encoding, value: &str) -> Option<String> {
    let value = value.trim();
    match encoding {
        Encoding::Raw => {
            let id = uuid::Uuid::try_parse(value).ok().filter(|_| value.len() == 36)?;
            let digits = id.simple().to_string();
            let first = digits.chars().next()?;
            if digits.chars().all(|digit| digit == first) {
                return None;
            }
            Some(base16ct::lower::encode_string(&Md5::digest(value.to_ascii_lowercase())))
        }
        Encoding::Md5 if value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Some(value.to_ascii_lowercase())
        }
        Encoding::Md5 | Encoding::Other => None,
    }
}

fn lane(encoding: Encoding, value: &str) -> Option<u8> {
    let number = hashed(encoding, value).and_then(|hex| u128::from_str_radix(&hex, 16).ok());
    u8::try_from(number.unwrap_or(0) % u128::from(DIVISION.lanes)).ok()
}

/// From a message to envelopes, by lane.
#[inline(never)]
pub(crate) fn envelopes(message: &[u8]) -> Result<Vec<(u8, String)>> {
    let message: Message = serde_json::from_slice(message)?;
    anyhow::ensure!(message.kind == "audience_membership_change_request", "the message is of another type");
    let advertiser = message.account.account_settings.get("TikTok Account Id").context("no advertiser")?;
    let mut lanes: BTreeMap<u8, Vec<Row>> = BTreeMap::new();
    for profile in message.user_profiles {
        let mut newest: HashMap<String, Action> = HashMap::new();
        for mut audience in profile.audiences {
            if let Some(id) = audience.audience_subscription_settings.remove("tiktokAudienceId") {
                newest.insert(id, audience.action);
            }
        }
        let of = |wanted: Action| -> Vec<String> {
            newest.iter().filter(|(_, action)| **action == wanted).map(|(id, _)| id.clone()).collect()
        };
        let (adds, deletes) = (of(Action::Add), of(Action::Delete));
        for Identity { kind, encoding, value } in profile.device_identities {
            if kind == Kind::Other {
                continue;
            }
            let lane = lane(encoding, &value).context("too many lanes")?;
            let (mpid, adds, deletes) = (profile.mpid.clone(), adds.clone(), deletes.clone());
            lanes.entry(lane).or_default().push(Row { mpid, kind, encoding, value, adds, deletes });
        }
    }
    let mut envelopes = Vec::new();
    for (lane, mut rows) in lanes {
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(ROWS));
            let envelope = Envelope {
                version: 1,
                advertiser: advertiser.clone(),
                account: message.account.account_id,
                changed_ms: message.timestamp_ms,
                rows: std::mem::replace(&mut rows, rest),
            };
            envelopes.push((lane, serde_json::to_string(&envelope)?));
        }
    }
    Ok(envelopes)
}

/// From envelopes, those of a lane in their order, to the bodies of calls.
#[inline(never)]
pub(crate) fn bodies(envelopes: &[(u8, String)]) -> Result<Vec<Vec<u8>>> {
    let mut newest: HashMap<(Kind, String, String), Action> = HashMap::new();
    let mut advertiser = String::new();
    for (_, text) in envelopes {
        let envelope: Envelope = serde_json::from_str(text)?;
        advertiser = envelope.advertiser;
        for Row { kind, encoding, value, adds, deletes, .. } in envelope.rows {
            let Some(id) = hashed(encoding, &value) else { continue };
            for (action, audiences) in [(Action::Add, adds), (Action::Delete, deletes)] {
                for audience in audiences {
                    newest.insert((kind, id.clone(), audience), action);
                }
            }
        }
    }
    let mut rows: HashMap<(Action, Kind, String), Vec<String>> = HashMap::new();
    for ((kind, id, audience), action) in newest {
        rows.entry((action, kind, id)).or_default().push(audience);
    }
    let mut by_action: HashMap<Action, Vec<Vec<Slot>>> = HashMap::new();
    for ((action, kind, id), audiences) in rows {
        let slot = Slot { id: Some(id), audience_ids: Some(audiences) };
        let row =
            if kind == Kind::IosAdvertisingId { vec![slot, Slot::default()] } else { vec![Slot::default(), slot] };
        by_action.entry(action).or_default().push(row);
    }
    let mut bodies = Vec::new();
    for (action, mut rows) in by_action {
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(LIMITS.rows));
            let body = Body {
                advertiser_ids: vec![advertiser.clone()],
                action,
                id_schema: vec!["IDFA_MD5".to_owned(), "AAID_MD5".to_owned()],
                batch_data: std::mem::replace(&mut rows, rest),
            };
            bodies.push(serde_json::to_vec(&body)?);
        }
    }
    Ok(bodies)
}
