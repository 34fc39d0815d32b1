//! Dead letters against what the world knows: which change each holds, and whether its cause is true.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use sandbox::IdKind;
use sandbox::journal::Entry;
use serde_json::Value;

use crate::chaos::plan::CATALOG;
use crate::chaos::world::{World, locked};
use crate::identity::Expected;
use crate::letters::Letter;
use crate::model::{Difference, Id, Model};

/// A change as it stands in a letter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LetterChange {
    /// The audience: TikTok's id; mParticle's number with that of the configuration; or the configuration alone, if it is an erasure.
    audience: String,
    id: Option<Id>,
    joined: bool,
    at_ms: i64,
}

/// Without the id.
impl std::fmt::Debug for LetterChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LetterChange")
            .field("audience", &self.audience)
            .field("joined", &self.joined)
            .field("at_ms", &self.at_ms)
            .finish_non_exhaustive()
    }
}

impl LetterChange {
    /// The change that is missing at TikTok.
    pub(super) fn of(world: &World<'_>, difference: &Difference) -> Self {
        let Difference { audience_id, id, last, .. } = difference;
        let erased = last.is_some_and(|last| last.erased);
        let audience = if erased { erasure_in(account_of(world, audience_id)) } else { audience_id.clone() };
        let joined = last.is_some_and(|last| last.joined);
        // What was never said is in no letter.
        Self { audience, id: Some(id.clone()), joined, at_ms: last.map_or(-1, |last| last.at_ms) }
    }
}

fn account_of(world: &World<'_>, audience_id: &str) -> i64 {
    let feeds = |audiences: Vec<crate::Audience>| {
        audiences.iter().any(|audience| audience.tiktok_id.as_deref() == Some(audience_id))
    };
    let found = world.connections.iter().find(|live| feeds(live.audiences()));
    found.map_or(0, |live| live.account().account_id)
}

fn erasure_in(account: i64) -> String {
    format!("all of {account}")
}

fn never_connected(account: i64, audience: i64) -> String {
    format!("{audience} of {account}")
}

/// The changes for audiences that were never connected.
pub(super) fn unmapped(model: &Model) -> Vec<LetterChange> {
    let mut all = Vec::new();
    for ((account, audience), ids) in &model.unmapped {
        all.extend(ids.iter().map(|(id, last)| {
            let (joined, at_ms) = (last.joined, last.at_ms);
            LetterChange { audience: never_connected(*account, *audience), id: Some(id.clone()), joined, at_ms }
        }));
    }
    all
}

/// All letters of a world.
pub(super) struct Letters {
    pub(super) letters: Vec<Letter>,
    changes: BTreeMap<LetterChange, String>,
}

impl Letters {
    pub(super) fn new(letters: Vec<Letter>) -> Self {
        let mut changes = BTreeMap::new();
        for letter in &letters {
            // What cannot be read explains nothing, and is reported as a letter with a wrong cause.
            let of_letter = changes_of(letter).unwrap_or_default().into_iter();
            changes.extend(of_letter.map(|change| (change, letter.cause().to_owned())));
        }
        Self { letters, changes }
    }

    /// The cause of the letter that holds this change.
    pub(super) fn explain(&self, change: &LetterChange) -> Option<&str> {
        self.changes.get(change).map(String::as_str)
    }
}

/// What is not true in a letter.
pub(super) fn wrong_cause(world: &World<'_>, letter: &Letter, journal: &[Entry]) -> Option<String> {
    let said = match changes_of(letter) {
        Ok(said) if !said.is_empty() => said,
        Ok(_) => return Some(format!("a letter without a change: {:?}", letter.attributes)),
        Err(error) => return Some(format!("{error:#}: {:?}", letter.attributes)),
    };
    let call = answered(letter, journal);
    let is_true = match letter.cause() {
        "no_audience" => said.iter().all(|change| was_never_connected(world, change)),
        "token" => had_trouble_with_its_token(world, letter),
        "audience_missing" => call.is_some_and(|call| {
            let gone = world.gone();
            call.fault.is_some() || said.iter().all(|change| gone.contains(&change.audience))
        }),
        "rejected" | "rejected_unknown" => call.is_some_and(|call| {
            let refused = refused(world);
            call.fault.is_some() || said.iter().all(|change| change.id.as_ref().is_some_and(|id| refused.contains(id)))
        }),
        "advertiser_throttled" | "unavailable" => had_trouble_at_tiktok(world, letter),
        // Everybody's trouble is waited for longer than a world lasts, and the rest is nobody's but the product's.
        _ => false,
    };
    (!is_true).then(|| format!("a letter whose cause is not true: {:?}", letter.attributes))
}

/// The call whose answer the letter repeats.
fn answered<'j>(letter: &Letter, journal: &'j [Entry]) -> Option<&'j Entry> {
    let advertiser = letter.attribute("advertiser");
    let found = journal.iter().find(|call| call.request_id == letter.attribute("request_id"))?;
    let is_it = found.code.is_some_and(|code| code.to_string() == letter.attribute("code"));
    (is_it && found.advertiser_ids.iter().any(|id| id == advertiser)).then_some(found)
}

fn was_never_connected(world: &World<'_>, change: &LetterChange) -> bool {
    let mut never = BTreeSet::new();
    for live in &world.connections {
        let account = live.account().account_id;
        let unmapped = live.audiences().into_iter().filter(|audience| audience.tiktok_id.is_none());
        never.extend(unmapped.map(|audience| never_connected(account, audience.audience_id)));
    }
    never.contains(&change.audience)
}

/// Its token was revoked, or a fault made TikTok refuse it.
fn had_trouble_with_its_token(world: &World<'_>, letter: &Letter) -> bool {
    let account = letter.attribute("account");
    let live = world.connections.iter().find(|live| live.account().account_id.to_string() == account);
    let refused = world.plan.faults.iter().any(|fault| {
        let kind = CATALOG.iter().find(|kind| kind.name == fault.kind);
        kind.is_some_and(|kind| kind.refuses_tokens) && hits(world, fault.advertiser, letter)
    });
    live.is_some_and(|live| !locked(&live.revoked).is_empty()) || refused
}

fn had_trouble_at_tiktok(world: &World<'_>, letter: &Letter) -> bool {
    let is_tiktok = |kind: &str| kind.starts_with("tiktok");
    world.plan.faults.iter().any(|fault| is_tiktok(fault.kind) && hits(world, fault.advertiser, letter))
}

fn hits(world: &World<'_>, advertiser: Option<usize>, letter: &Letter) -> bool {
    advertiser.is_none_or(|number| world.advertisers[number] == letter.attribute("advertiser"))
}

/// The ids that TikTok refuses for good.
fn refused(world: &World<'_>) -> BTreeSet<Id> {
    let connections = world.plan.connections.iter();
    let ids = connections.flat_map(|connection| {
        connection.refused.iter().filter_map(|(person, _)| connection.people[*person].devices.first())
    });
    ids.filter_map(|id| match &id.expected {
        Expected::Uploaded(kind, hash) => Some((*kind, hash.clone())),
        Expected::LeftOut(_) | Expected::Dropped(_) => None,
    })
    .collect()
}

/// The changes that a letter holds.
fn changes_of(letter: &Letter) -> Result<Vec<LetterChange>> {
    let body: Value = serde_json::from_str(&letter.body).context("a letter that is no envelope")?;
    let at_ms = body["changed_ms"].as_i64().context("a letter without a time")?;
    let account: i64 = letter.attribute("account").parse().context("a letter of no configuration")?;
    let mut all = Vec::new();
    for row in letter.rows() {
        let id = Some(id_of(&row).context("a row without an id")?);
        let mut push = |audience: String, joined| all.push(LetterChange { audience, id: id.clone(), joined, at_ms });
        for (list, joined) in [("adds", true), ("deletes", false)] {
            let audiences = row[list].as_array().into_iter().flatten();
            audiences.filter_map(Value::as_str).for_each(|audience| push(audience.to_owned(), joined));
        }
        for (list, joined) in [("unmapped_adds", true), ("unmapped_deletes", false)] {
            let audiences = row[list].as_array().into_iter().flatten();
            audiences.filter_map(Value::as_i64).for_each(|audience| push(never_connected(account, audience), joined));
        }
        if row["erase"] == true {
            push(erasure_in(account), false);
        }
    }
    Ok(all)
}

fn id_of(row: &Value) -> Option<Id> {
    let kind = match (row["id"][0].as_str()?, row["id"][1].as_str()?) {
        ("idfa", "md5") => IdKind::IdfaMd5,
        ("gaid", "md5") => IdKind::AaidMd5,
        ("email", "sha256") => IdKind::EmailSha256,
        _ => return None,
    };
    Some((kind, row["id"][2].as_str()?.to_owned()))
}
