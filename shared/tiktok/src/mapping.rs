//! The body of `POST /segment/mapping/`. TikTok reads a row by position against `id_schema` and says nothing when the two
//! disagree; here a row has a named place for each id, so that it cannot be built out of line.

use hashed_id::Md5;
use ids::{AdvertiserId, AudienceId};
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};
use serde::{Serialize, Serializer};
use smallvec::SmallVec;

/// The id types of every call, in the order of every row. TikTok calls Google's advertising id AAID.
const ID_SCHEMA: [&str; 2] = ["IDFA_MD5", "AAID_MD5"];

/// What happens to the users of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// They join the audiences.
    Add,
    /// They leave them.
    Delete,
}

impl Action {
    /// TikTok's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Delete => "delete",
        }
    }
}

/// One user, by at most one id of each type, and the audiences that the action is about.
///
/// A user with two ids of a type takes two rows (TikTok's own client libraries do the same).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// Goes under `IDFA_MD5`.
    pub idfa: Option<Md5>,
    /// Goes under `AAID_MD5`.
    pub gaid: Option<Md5>,
    /// The audiences of both ids.
    pub audiences: SmallVec<[AudienceId; 2]>,
}

impl Row {
    /// The size of the row in a body, in bytes, with the comma that parts it from the next.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        let audiences: usize = self.audiences.iter().map(|audience| quoted_len(*audience) + 1).sum();
        let slot = |id: Option<Md5>| match id {
            Some(_) => r#"{"id":"","audience_ids":[]}"#.len() + 32 + audiences.saturating_sub(1),
            None => "{}".len(),
        };
        "[,],".len() + slot(self.idfa) + slot(self.gaid)
    }
}

fn quoted_len(audience: AudienceId) -> usize {
    audience.digits() + 2
}

/// A call: one advertiser, one action, many rows.
#[derive(Debug, Clone, Copy)]
pub struct Mapping<'a> {
    /// Whose audiences they are.
    pub advertiser: AdvertiserId,
    /// What happens to the users.
    pub action: Action,
    /// The users: at most 10,000 a call at TikTok.
    pub rows: &'a [&'a Row],
}

impl Mapping<'_> {
    /// The size of a body besides its rows, in bytes, rounded up.
    pub const OVERHEAD_BYTES: usize = 160;
}

impl Serialize for Mapping<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("Mapping", 4)?;
        body.serialize_field("advertiser_ids", &[self.advertiser])?;
        body.serialize_field("action", &self.action)?;
        body.serialize_field("id_schema", &ID_SCHEMA)?;
        body.serialize_field("batch_data", &Rows(self.rows))?;
        body.end()
    }
}

struct Rows<'a>(&'a [&'a Row]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.len()))?;
        for row in self.0 {
            rows.serialize_element(&Positional(row))?;
        }
        rows.end()
    }
}

struct Positional<'a>(&'a Row);

impl Serialize for Positional<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row { idfa, gaid, audiences } = self.0;
        let mut slots = serializer.serialize_tuple(ID_SCHEMA.len())?;
        slots.serialize_element(&Slot { id: *idfa, audiences })?;
        slots.serialize_element(&Slot { id: *gaid, audiences })?;
        slots.end()
    }
}

/// An id and its audiences, or `{}` in the place of an id that the user does not have.
struct Slot<'a> {
    id: Option<Md5>,
    audiences: &'a [AudienceId],
}

impl Serialize for Slot<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut slot = serializer.serialize_map(Some(if self.id.is_some() { 2 } else { 0 }))?;
        if let Some(id) = self.id {
            slot.serialize_entry("id", &id)?;
            slot.serialize_entry("audience_ids", self.audiences)?;
        }
        slot.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ids::Encoding;
    use smallvec::smallvec;

    fn md5(digit: &str) -> Md5 {
        Md5::parse(Encoding::Md5, &digit.repeat(32)).unwrap()
    }

    fn rows() -> [Row; 3] {
        let (one, two) = ("7000000000000000011".parse().unwrap(), "72".parse().unwrap());
        [
            Row { idfa: Some(md5("a")), gaid: Some(md5("b")), audiences: smallvec![one] },
            Row { idfa: Some(md5("c")), gaid: None, audiences: smallvec![one, two] },
            Row { idfa: None, gaid: Some(md5("d")), audiences: smallvec![two] },
        ]
    }

    #[test]
    fn an_absent_id_keeps_its_place() {
        let rows = rows();
        let rows: Vec<_> = rows.iter().collect();
        let advertiser = "7000000000000000001".parse().unwrap();
        let mapping = Mapping { advertiser, action: Action::Add, rows: &rows };
        insta::assert_json_snapshot!(mapping, @r#"
        {
          "advertiser_ids": [
            "7000000000000000001"
          ],
          "action": "add",
          "id_schema": [
            "IDFA_MD5",
            "AAID_MD5"
          ],
          "batch_data": [
            [
              {
                "id": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "audience_ids": [
                  "7000000000000000011"
                ]
              },
              {
                "id": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                "audience_ids": [
                  "7000000000000000011"
                ]
              }
            ],
            [
              {
                "id": "cccccccccccccccccccccccccccccccc",
                "audience_ids": [
                  "7000000000000000011",
                  "72"
                ]
              },
              {}
            ],
            [
              {},
              {
                "id": "dddddddddddddddddddddddddddddddd",
                "audience_ids": [
                  "72"
                ]
              }
            ]
          ]
        }
        "#);
    }

    #[test]
    fn the_reckoned_size_is_the_size_of_the_body() {
        let advertiser = "18446744073709551615".parse().unwrap();
        let size =
            |rows: &[&Row]| serde_json::to_vec(&Mapping { advertiser, action: Action::Delete, rows }).unwrap().len();
        assert!(size(&[]) <= Mapping::OVERHEAD_BYTES, "{}", size(&[]));
        for row in rows() {
            assert_eq!(size(&[&row, &row]) - size(&[&row]), row.json_bytes());
        }
    }
}
