//! Envelopes made by hand, from the words of the design and not with the product's code: what `ingest` would put on the queue, and
//! what it never would.

use serde_json::{Value, json};

use crate::identity::{Expected, IdKind};
use crate::message::{Account, Action, Audience, now_ms};
use crate::people::Person;
use crate::queue::Outgoing;

/// The version that the product reads.
pub const VERSION: u32 = 2;

/// A message of one person's first id, who joins or leaves an audience, in lane `lane` of the configuration.
#[must_use]
pub fn one_change(account: &Account, lane: u8, person: &Person, audience: &Audience, action: Action) -> Outgoing {
    let envelope = of(account, &[row(person, audience, action)]);
    Outgoing::new(envelope.to_string(), group(account, lane))
}

/// The group of a lane.
#[must_use]
pub fn group(account: &Account, lane: u8) -> String {
    format!("{}.{}.{lane}", account.advertiser_id, account.account_id)
}

/// An envelope made now.
#[must_use]
pub fn of(account: &Account, rows: &[Value]) -> Value {
    json!({
        "version": VERSION,
        "advertiser": account.advertiser_id,
        "account": account.account_id.to_string(),
        "changed_ms": now_ms(),
        "rows": rows,
    })
}

fn row(person: &Person, audience: &Audience, action: Action) -> Value {
    let device = person.devices.iter().find_map(|device| match &device.expected {
        Expected::Uploaded(kind, _) => Some((*kind, device)),
        Expected::LeftOut(_) | Expected::Dropped(_) => None,
    });
    let id = device.map(|(kind, device)| {
        let kind = if kind == IdKind::IdfaMd5 { "idfa" } else { "gaid" };
        json!([kind, device.encoding, device.value])
    });
    let audiences = [&audience.tiktok_id];
    let (adds, deletes) = if action == Action::Add { (&audiences[..], &[][..]) } else { (&[][..], &audiences[..]) };
    json!({ "mpid": person.mpid, "id": id, "adds": adds, "deletes": deletes })
}
