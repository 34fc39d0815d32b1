//! What the bodies of calls tell TikTok, to compare those of two implementations.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    advertiser_ids: Vec<String>,
    action: String,
    id_schema: Vec<String>,
    batch_data: Vec<Vec<Slot>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Slot {
    #[serde(default)]
    id: String,
    #[serde(default)]
    audience_ids: BTreeSet<String>,
}

/// All that TikTok is told, whatever the order of rows and of calls is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    /// The audiences of each id, by advertiser, action and the id's type.
    rows: BTreeMap<[String; 4], BTreeSet<String>>,
    row_count: usize,
    call_count: usize,
}

impl Calls {
    pub(crate) fn of(bodies: &[Vec<u8>]) -> Result<Self> {
        let mut calls = Self { call_count: bodies.len(), ..Self::default() };
        for body in bodies {
            let Body { advertiser_ids, action, id_schema, batch_data } = serde_json::from_slice(body)?;
            calls.row_count += batch_data.len();
            for row in batch_data {
                anyhow::ensure!(row.len() == id_schema.len(), "a row has {} ids, not {}", row.len(), id_schema.len());
                for (kind, slot) in id_schema.iter().zip(row).filter(|(_, slot)| !slot.id.is_empty()) {
                    let whose = [advertiser_ids.join(","), action.clone(), kind.clone(), slot.id];
                    let is_new = calls.rows.insert(whose, slot.audience_ids).is_none();
                    anyhow::ensure!(is_new, "an id is told twice");
                }
            }
        }
        anyhow::ensure!(!calls.rows.is_empty(), "nothing is told");
        Ok(calls)
    }
}
